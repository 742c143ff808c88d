/** A kernel of one's own that says that it has given up, and then ends in order, has crashed. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launch } from 'bringup'
import { afterAll, describe, expect, it } from 'vitest'
import { testKernel } from '../support/test-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'panics '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

async function boot(text: string) {
  const kernel = join(folder, 'kernel.elf')
  writeFileSync(kernel, testKernel(text, 'power-off'))
  const machine = { accel: 'tcg', cpu: 1, memory: '16M', timeout: '20m', boot: { kernel } } as const
  await using guest = await launch(machine, { folder, profile: 'bare' })
  return await guest.done
}

describe('a kernel that powers off', () => {
  it.each(['PANIC: x', 'Kernel Panic', 'panicked at src/main.rs:1:1:', '*** ASSERTION FAILED'])(
    'has crashed when it said %j before',
    async (text) => {
      const result = await boot(`boot\n${text}\nrip 1234\n`)
      expect(result).toMatchObject({ verdict: 'crashed', meaning: `the guest panicked: ${text}` })
    },
  )

  it('has passed when it only spoke of panics', async () => {
    const text = 'Command line: panic=1\npanic timeout: 10 s\ntesting panic handler ... ok\n'
    expect(await boot(text)).toMatchObject({ verdict: 'passed', meaning: 'the guest powered off' })
  })

  it('shows the head of a long report, where cause and place are', async () => {
    const trace = Array.from({ length: 300 }, (_, i) => `frame ${i}`)
    const { diagnostics } = await boot(['cause: x', 'PANIC: died', 'RIP: 1234', ...trace, ''].join('\n'))
    const evidence = diagnostics[0]?.evidence ?? []
    expect(evidence.slice(-83, 3)).toEqual(['cause: x', 'PANIC: died', 'RIP: 1234'])
    expect(evidence).not.toContain('frame 299')
  })
})
