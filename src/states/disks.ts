/**
 * Disks of saved guests: what the guest wrote is copied, and the images below stay where they are. They must be the same
 * when the state is used, so the record contains their identities.
 */
import { readdirSync, realpathSync } from 'node:fs'
import { join } from 'node:path'
import { imageFiles } from '../plan/qcow2.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { copyFile } from './copy-file.ts'
import type { Drive, Layer } from './disk-chain.ts'
import { openedBy } from './private-memory.ts'
import { type StateRecord, sealOf } from './record.ts'

/** A disk as it was copied: layers of the state itself, then those of others. */
export interface CopiedDisk {
  readonly drive: string
  readonly own: readonly { readonly name: string; readonly format: string }[]
  readonly others: readonly { readonly path: string; readonly format: string }[]
}

/** Why the disks cannot be saved, as a clause. */
export function diskObstacle(drives: readonly Drive[]): string | undefined {
  const odd = drives.find(({ isPlain }) => !isPlain)
  if (odd) return `${odd.chain[0]?.path} is a block device, whose content may change unnoticed`
  const layered = drives.find(
    ({ writes, chain: [top] }) => writes === 'image' && top && imageFiles(top.path).files.length > 0,
  )
  return layered && `${layered.chain[0]?.path} is written to and has a backing file`
}

/** Copies what a paused guest wrote, with the layers of the state that it was restored from. */
export async function copyDisks(
  qemu: Pick<QemuProcess, 'qmp' | 'pid'>,
  drives: readonly Drive[],
  { folder, restoredFrom }: { readonly folder: string; readonly restoredFrom: string | undefined },
): Promise<readonly CopiedDisk[]> {
  const overlays = drives.length > 0 ? await overlaysOf(qemu) : new Map<string, string>()
  return Promise.all(
    drives.map(async ({ id, chain, writes }) => {
      const isOwn = ({ path }: Layer) => restoredFrom !== undefined && path.startsWith(`${restoredFrom}/`)
      const count = writes === 'image' ? 1 : chain.filter(isOwn).length
      const temporary = writes === 'overlay' ? [{ path: overlays.get(id) ?? '', format: 'qcow2' }] : []
      const copied = [...temporary, ...chain.slice(0, count)]
      const own = copied.map(({ format }, layer) => ({ name: `${id}.${layer}`, format }))
      for (const [i, { path }] of copied.entries()) {
        const source = openedBy(qemu.pid, path)
        if (source === undefined) throw new Error(`QEMU has not opened ${path || `an overlay of ${id}`}`)
        await copyFile(source, join(folder, own[i]?.name ?? ''))
      }
      return { drive: id, own, others: chain.slice(count) }
    }),
  )
}

/** Paths of the temporary files over images opened with snapshot=on, by ids of drives. QEMU has deleted them. */
async function overlaysOf({ qmp }: Pick<QemuProcess, 'qmp'>): Promise<ReadonlyMap<string, string>> {
  const found = (await qmp.execute('query-block')) as readonly {
    readonly device: string
    readonly inserted?: { readonly file: string }
  }[]
  return new Map(found.flatMap(({ device, inserted }) => (inserted ? [[device, fileIn(inserted.file)]] : [])))
}

/** QEMU describes an image by a name, or by `json:` and its options. */
function fileIn(name: string): string {
  if (!name.startsWith('json:')) return name
  const { file } = JSON.parse(name.slice('json:'.length)) as { file?: { filename?: string } }
  return file?.filename ?? ''
}

/** Identities of the images below, of what they are based on, and of all files in folders that are read as disks. */
export function sealOthers(disks: readonly CopiedDisk[], folders: readonly string[]): StateRecord['images'] {
  const images = disks.flatMap(({ others }) =>
    others.flatMap(({ path, format }) => [
      path,
      ...(format === 'qcow2' ? imageFiles(path).files.flatMap(({ file }) => file ?? []) : []),
    ]),
  )
  const files = folders.flatMap((folder) => [
    folder,
    ...readdirSync(folder, { recursive: true, encoding: 'utf8' }).map((name) => join(folder, name)),
  ])
  const paths = [...images, ...files]
  // A link may be to another image later.
  return [...new Set(paths.map((path) => realpathSync(path)))].map((path) => ({ path, seal: sealOf(path) }))
}

/** Layers of a disk of a state, from top to bottom. */
export function chainsOf(
  folder: string,
  { disks }: Pick<StateRecord, 'disks'>,
): ReadonlyMap<string, readonly Layer[]> {
  return new Map(
    disks.map(({ drive, own, others }) => [
      drive,
      [...own.map(({ name, format }) => ({ path: join(folder, name), format })), ...others],
    ]),
  )
}
