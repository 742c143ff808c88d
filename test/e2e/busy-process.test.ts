/** A process that does something else while its guest prints: nothing of the console is lost. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { launch } from '../../src/launch.ts'
import { testKernel } from '../support/test-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'busy process '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** Whether a process has ended and was not waited for (proc(5)). */
const hasEnded = (pid: number) => readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')

it('a console that is not read for a while keeps all that the guest prints', async () => {
  const kernel = join(folder, 'talkative.elf')
  const words = Array.from({ length: 2000 }, (_, i) => `line ${i}\n`).join('')
  writeFileSync(kernel, testKernel(words, { exit: 16 }))
  const machine = { accel: 'tcg', cpu: 1, memory: '16M', debugExit: true, boot: { kernel } } as const
  await using guest = await launch(machine, { folder, profile: 'bare', verify: false })
  await guest.console.expect('line 0\n')
  // Nothing is read meanwhile: QEMU ends by itself, and is not reaped.
  while (!hasEnded(guest.qemu.pid));
  await guest.done
  expect(readFileSync(guest.folder.consoleLog, 'utf8')).toBe(words)
})
