/** Reads the capabilities of a QEMU that is not installed yet. */
import { join } from 'node:path'
import type { QemuCapabilities } from '../machine/facts.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { type QemuRecord, startOf } from './record.ts'
import type { Staging } from './staging.ts'

/**
 * Starts every emulator where it lies now: nothing of the answer depends on the place. The answer is that of x86_64, if
 * it has that.
 *
 * @throws BringupError QEMU_NOT_QEMU; the signal's reason when aborted
 */
export async function askStaged(
  { folder, work }: Pick<Staging, 'folder' | 'work'>,
  about: Omit<QemuRecord, 'format' | 'files' | 'installedAt'>,
  signal: AbortSignal | undefined,
): Promise<{ readonly version: string; readonly features: readonly string[] }> {
  const record: QemuRecord = { format: 1, ...about, files: {}, installedAt: new Date().toISOString() }
  const starting = startOf({ name: about.name, folder, record })
  const isFirst = ([arch]: readonly [string, string]) => arch === 'x86_64'
  const programs = Object.entries(about.programs).toSorted((a, b) => Number(isFirst(b)) - Number(isFirst(a)))
  const answers: QemuCapabilities[] = []
  for (const [arch, program] of programs) {
    // The lock of a running QEMU is on its record, which is not written yet.
    const binary = { path: join(folder, program), starting: { ...starting, record: join(work, 'record') } }
    answers.push(await readCapabilities(binary, arch, join(work, 'cache'), signal))
  }
  const [first] = answers
  if (first === undefined) throw new Error('a staged QEMU without an emulator')
  return { version: first.version.join('.'), features: first.features }
}
