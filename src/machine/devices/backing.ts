/** What memory devices other than NVDIMMs keep their content in: the keys of a description, the file, its locks. */
import { resolve } from 'node:path'
import * as z from 'zod'
import type { Compiled, Home, MachineView } from '../device.ts'
import type { FileFact } from '../facts.ts'
import { storePath } from './store-path.ts'

/** Keys that such devices have in common. */
export const backingKeys = () => ({
  backing: z
    .enum(['file', 'ram'])
    .default('file')
    .describe('`file` keeps the content; `ram` forgets it when QEMU ends.'),
  file: z
    .string()
    .min(1)
    .optional()
    .describe('Backing file; created when missing. Default: `.bringup/stores/<machine>/<id>.img`.'),
  share: z
    .boolean()
    .default(true)
    .describe('false: what the guest writes goes to a private copy and is lost when QEMU ends.'),
  shared: z
    .boolean()
    .default(false)
    .describe('true: several machines may have the file open for writing at once.'),
})

/** What of a device says where its content lies. */
export interface Backing {
  readonly id?: string | undefined
  readonly backing: 'file' | 'ram'
  readonly file?: string | undefined
  readonly share: boolean
  readonly shared: boolean
}

/** The same device with an absolute path. */
export function placeBacking<B extends Backing>(config: B, home: Home): B {
  return config.file === undefined ? config : { ...config, file: resolve(home.folder, config.file) }
}

/** Undefined for a device that has no file. */
export function backingFile(
  { id = '', backing, file }: Backing,
  machine: Pick<MachineView, 'name' | 'home'>,
): string | undefined {
  return backing === 'ram' ? undefined : (file ?? storePath(machine, id))
}

/** QEMU takes no lock on a memory backend, so bringup does; a private copy does not disturb others, and keeps nothing. */
export function filesAndLocks(
  config: Backing,
  file: string | undefined,
  { fact, bytes }: { readonly fact: FileFact | undefined; readonly bytes: number },
): Pick<Compiled, 'files' | 'locks' | 'stores'> {
  if (file === undefined) return {}
  const isMissing = !fact || fact.kind === 'missing'
  return {
    files: isMissing ? [{ kind: 'create-sparse', path: file, bytes }] : [],
    // Opening a pipe, to lock it, would wait forever.
    locks:
      fact?.kind === 'other'
        ? []
        : [{ path: file, mode: config.shared || !config.share ? 'shared' : 'exclusive' }],
    stores: config.share ? [{ path: file, device: config.id ?? '', size: bytes, label: 0 }] : [],
  }
}
