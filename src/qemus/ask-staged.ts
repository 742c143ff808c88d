/** Asks a QEMU that is not installed yet what it can do. */
import { join } from 'node:path'
import { readCapabilities } from '../qemu/capabilities.ts'
import { type QemuRecord, startOf } from './record.ts'
import type { Staging } from './staging.ts'

/**
 * Asked where it lies now: nothing of the answer depends on the place.
 *
 * @throws BringupError QEMU_NOT_QEMU; the signal's reason when aborted
 */
export async function askStaged(
  { folder, work }: Pick<Staging, 'folder' | 'work'>,
  about: Omit<QemuRecord, 'format' | 'files' | 'installedAt'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly version: string; readonly features: readonly string[] }> {
  const [arch = 'x86_64', program = ''] =
    Object.entries(about.programs).find(([name]) => name === 'x86_64') ??
    Object.entries(about.programs)[0] ??
    []
  const record: QemuRecord = { format: 1, ...about, files: {}, installedAt: new Date().toISOString() }
  const starting = startOf({ name: about.name, folder, record })
  // The lock of a running QEMU is on its record, which is not written yet.
  const binary = { path: join(folder, program), starting: { ...starting, record: join(work, 'record') } }
  const qemu = await readCapabilities(binary, arch, join(work, 'cache'), signal)
  return { version: qemu.version.join('.'), features: qemu.features }
}
