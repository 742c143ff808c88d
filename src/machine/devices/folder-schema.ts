/** A folder of this computer in the guest: its keys, and where the guest sees it. Pure. */
import { posix } from 'node:path'
import * as z from 'zod'
import type { MachineView } from '../device.ts'
import { zDeviceId } from '../device-id.ts'

export const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('folder'),
    id: zDeviceId,
    path: z.string().min(1).describe('Folder of this computer; relative to the project.'),
    guest: z
      .string()
      .min(1)
      .optional()
      .describe('Absolute path in the guest. Default: the same path as on this computer.'),
    access: z
      .enum(['overlay', 'readonly', 'rw'])
      .default('overlay')
      .describe(
        'What becomes of writes. `overlay`: they stay in the memory of the guest. `readonly`: they fail. `rw`: they change the folder of this computer.',
      ),
    transport: z
      .enum(['9p', 'virtiofs'])
      .default('9p')
      .describe(
        'What serves the files. `9p`: QEMU itself. `virtiofs`: the daemon virtiofsd, faster with many small files; the RAM of the guest is shared with it.',
      ),
  }),
)

export type FolderConfig = z.output<typeof schema>

/** Absolute path in the guest, without `..` and a slash at its end. */
export function guestPathOf({ path, guest = path }: Pick<FolderConfig, 'path' | 'guest'>): string {
  const normal = posix.normalize(guest)
  return normal.length > 1 && normal.endsWith('/') ? normal.slice(0, -1) : normal
}

export interface PlacedFolder {
  readonly id: string
  /** Path in the description. */
  readonly at: string
  readonly config: FolderConfig
  readonly guest: string
}

export function foldersOf({ devices }: Pick<MachineView, 'devices'>): readonly PlacedFolder[] {
  return devices.flatMap((device) => {
    if (device.kind !== 'folder') return []
    const config = device.config as FolderConfig
    return [{ id: device.id, at: device.path, config, guest: guestPathOf(config) }]
  })
}

const isBelow = (path: string, folder: string) => path.startsWith(folder === '/' ? '/' : `${folder}/`)

/** The nearest other folder that a guest path lies in. */
export function parentOf(guest: string, folders: readonly PlacedFolder[]): PlacedFolder | undefined {
  return folders
    .filter((other) => isBelow(guest, other.guest))
    .toSorted((a, b) => b.guest.length - a.guest.length)[0]
}

/** Kernel file systems, and what the guest's own programs and libraries are in. */
const OWN_TREES = ['/dev', '/proc', '/sys']
const OWN_FOLDERS = [
  ...['/', '/bin', '/etc', '/init', '/lib', '/lib32', '/lib64', '/run', '/sbin', '/usr', '/var'],
  ...['/usr/bin', '/usr/sbin', '/usr/lib', '/usr/lib64', '/lib/modules', '/usr/share'],
  '/run/bringup',
]

/** Libraries of one architecture, as Debian places them: `/usr/lib/ARCHITECTURE-gnu`. */
const LIBRARIES = /^(?:\/usr)?\/lib\/[^/]+-gnu$/

/** Why nothing can be mounted there; undefined where it can. */
export function whyNoMountPoint(guest: string): string | undefined {
  if (!guest.startsWith('/')) return 'is not an absolute path'
  if (OWN_TREES.some((tree) => guest === tree || isBelow(guest, tree)))
    return 'belongs to a file system of the guest’s kernel'
  return OWN_FOLDERS.includes(guest) || LIBRARIES.test(guest)
    ? 'holds programs or files that the guest itself needs'
    : undefined
}

/**
 * The path in the guest of a path of this computer, through the folder that has it.
 *
 * @example
 * inGuest('/home/me/src/a.c', folders) // '/src/a.c' with the folder /home/me/src at /src
 */
export function inGuest(
  path: string,
  folders: readonly Pick<PlacedFolder, 'config' | 'guest'>[],
): string | undefined {
  const [nearest] = folders
    .filter(({ config }) => path === config.path || isBelow(path, config.path))
    .toSorted((a, b) => b.config.path.length - a.config.path.length)
  return nearest && posix.join(nearest.guest, path.slice(nearest.config.path.length))
}
