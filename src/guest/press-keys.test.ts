import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { QmpClient } from '../qemu/qmp.ts'
import { pressKeys } from './press-keys.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

/** A keyboard whose codes are taken from that call of the monitor on. */
function keyboardOf(pid: number, isTaken: () => boolean) {
  const execute = async (command: string, args: Record<string, unknown> = {}) => {
    // No ring of a BIOS.
    if (command === 'pmemsave') writeFileSync(String(args.filename), Buffer.alloc(Number(args.size)))
    return command === 'human-monitor-command' ? `portb[0x0064] = 0x${isTaken() ? '1c' : '1d'}` : {}
  }
  return {
    qmp: { execute } as unknown as QmpClient,
    folder,
    pid,
    cpus: 100,
    isPs2: true,
    alone: <T>(use: () => Promise<T>) => use(),
  }
}

test('a guest that computes has CPU time, and not the time of a clock', async () => {
  const busy = spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' })
  try {
    const from = performance.now()
    // Later than ten times the time of a guest that waits.
    const keyboard = keyboardOf(busy.pid ?? -1, () => performance.now() - from > 1000)
    await pressKeys(keyboard, 'a', { timeoutMs: 100 })
  } finally {
    busy.kill('SIGKILL')
  }
  await once(busy, 'exit')
})

test('a guest that waits for something else is given up', async () => {
  const waiting = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore'] })
  try {
    const keyboard = keyboardOf(waiting.pid ?? -1, () => false)
    await expect(pressKeys(keyboard, 'a', { timeoutMs: 100 })).rejects.toMatchObject({
      code: 'KEY_NOT_TAKEN',
      diagnostics: [{ what: 'the guest did not take the key "a" within 100 ms' }],
    })
  } finally {
    waiting.kill('SIGKILL')
  }
})
