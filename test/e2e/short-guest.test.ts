/** A guest that ends within a few instructions: QEMU is gone before it has answered the `cont` that let it run. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from 'bringup'
import { afterAll, expect, it } from 'vitest'
import { testKernel } from '../support/test-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'short guest '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

it('has run, however short it was', async () => {
  const kernel = join(folder, 'short.elf')
  writeFileSync(kernel, testKernel('', { exit: 16 }))
  for (let round = 0; round < 15; round++) {
    const machine = { accel: 'tcg', cpu: 1, memory: '16M', debugExit: true, boot: { kernel } } as const
    // Its exit code is the proof: it is too short to report its hardware.
    await using guest = await launch(machine, { folder, profile: 'probe', verify: false })
    expect((await guest.done).verdict).toBe('passed')
  }
})
