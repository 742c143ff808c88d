/** Step: the device is mounted with DAX, for the user that bringup runs as. */
import { dirname } from 'node:path'
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import { isDax, mountAt } from '../../host/mounts.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { mountsOf } from '../mounts.ts'
import { readyDevice, regionOf, regionSchema } from './pmem-device.ts'

export const problems = defineDiagnostics({
  PMEM_MOUNT_TAKEN: {
    title: 'The mount point is in use: something is mounted there, or there are files.',
    why: 'the existing content would be hidden',
    remedy: 'choose another place with --mount-at',
  },
  PMEM_MOUNTED_WITHOUT_DAX: {
    title: 'The device is mounted there, but without DAX.',
    why: 'writes go through the page cache, so nothing that is flushed by the CPU is kept',
    remedy: 'unmount it, then `bringup resume`; the kernel’s log says why DAX was refused',
    source: 'Documentation/filesystems/dax.rst',
  },
})

const schema = z.object({
  region: regionSchema,
  type: z.enum(['ext4', 'xfs']),
  path: z.string().startsWith('/'),
  /** `uid:gid` of who is to write there. */
  owner: z
    .string()
    .regex(/^\d+:\d+$/)
    .optional(),
})

interface Before {
  readonly [key: string]: string | readonly string[]
  readonly device: string
  /** Folders that were made for it, outermost first. */
  readonly folders: readonly string[]
}

export const pmemMount = defineStep<z.output<typeof schema>, Before>({
  kind: 'pmem-mount',
  schema,
  needs: ['root'],
  describe: ({ path }) => `mount it with DAX on ${path}`,
  async check({ region, type, path, owner }, host) {
    const device = await readyDevice(regionOf(region), host)
    if (!device) return { state: 'later', detail: 'after the device exists' }
    const mount = mountAt(path, mountsOf(host))
    if (mount?.source === device.path)
      return isDax(mount)
        ? { state: 'done', detail: `${device.path} is mounted with DAX` }
        : {
            state: 'blocked',
            diagnostics: [problems.PMEM_MOUNTED_WITHOUT_DAX.at('', `${device.path} on ${path}`)],
          }
    const taken = mount ? `${mount.source} is mounted on ${path}` : filesIn(path, host)
    if (taken !== undefined)
      return { state: 'blocked', diagnostics: [problems.PMEM_MOUNT_TAKEN.at('', taken)] }
    const folders = missingFolders(path, host)
    return {
      state: 'change',
      detail: `${device.path}, ${type}`,
      before: { device: device.path, folders },
      commands: [
        ...folders.map((folder) => ({ argv: ['mkdir', folder], asRoot: true })),
        { argv: ['mount', '-t', type, '-o', 'dax', device.path, path], asRoot: true },
        ...(owner === undefined ? [] : [{ argv: ['chown', owner, path], asRoot: true }]),
      ],
    }
  },
  async undo({ path }, { device, folders }, host) {
    const mount = mountAt(path, mountsOf(host))
    const isOurs = mount?.source === device
    const left = folders.toReversed().filter((folder) => host.stat(folder) !== undefined)
    // A folder with files of others stays.
    const isEmptyAfter = (folder: string) =>
      isOurs || (host.list(folder) ?? []).every((name) => left.includes(`${folder}/${name}`))
    const removable = mount && !isOurs ? [] : left.filter(isEmptyAfter)
    if (!isOurs && removable.length === 0) return { state: 'done', detail: 'it is not mounted' }
    return {
      state: 'change',
      detail: isOurs ? `unmount ${device}` : 'remove its folders',
      commands: [
        ...(isOurs ? [{ argv: ['umount', path], asRoot: true }] : []),
        ...removable.map((folder) => ({
          argv: ['rmdir', '--ignore-fail-on-non-empty', folder],
          asRoot: true,
        })),
      ],
    }
  },
})

function filesIn(path: string, host: HostReader): string | undefined {
  const stats = host.stat(path)
  if (!stats) return undefined
  if (!stats.isDirectory()) return `${path} is no folder`
  return (host.list(path) ?? []).length > 0 ? `${path} has files` : undefined
}

/** Outermost first. */
function missingFolders(path: string, host: HostReader): readonly string[] {
  return host.stat(path) ? [] : [...missingFolders(dirname(path), host), path]
}
