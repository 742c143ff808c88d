/** Every way in which a guest can end, on real QEMU, by the probe kernel: each keeps its own verdict. */
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { GuestResult } from '../../src/guest/record.ts'
import { expect, test } from '../support/guests.ts'

const say = (append: string, more: object = {}) => ({ memory: '64M', boot: { append }, ...more })

describe('verdicts', () => {
  test('passed: the kernel says its success code', async ({ launch }) => {
    const guest = await launch(say('report=no'))
    await expect(guest).toEnd('passed', { code: 16 })
  })

  test('the record is for this user alone, the log of QEMU too', async ({ launch }) => {
    const guest = await launch(say('report=no'))
    await guest.done
    const { path, qemuLog } = guest.folder
    const modes = readdirSync(path).map((name) => [name, statSync(join(path, name)).mode & 0o777])
    expect(modes.filter(([, mode]) => mode !== 0o600)).toEqual([])
    expect(readFileSync(qemuLog, 'utf8')).toContain('CPU Reset')
  })

  test('failed: another code, with its meaning', async ({ launch }) => {
    const guest = await launch(say('report=no exit=9'))
    await expect(guest).toEnd('failed', { code: 9 })
    expect((await guest.done).meaning).toContain('9')
  })

  test('failed, not machine-failed: code 0 of the guest is QEMU’s exit status 1', async ({ launch }) => {
    const guest = await launch(say('report=no exit=0'))
    await expect(guest).toEnd('failed', { code: 0 })
  })

  test('crashed: a triple fault, which QEMU ends with status 0', async ({ launch }) => {
    const guest = await launch(say('triple-fault'))
    await expect(guest).toEnd('crashed')
    expect((await guest.done).meaning).toBe('the guest triple-faulted')
  })

  test('crashed: a panic on the console, also when the kernel hangs after it', async ({ launch }) => {
    const exits = await launch(say('panic=disk-on-fire'))
    await expect(exits).toEnd('crashed')
    const hangs = await launch(say('panic-hang', { timeout: '19m' }))
    await expect(hangs).toEnd('crashed')
  })

  test('crashed: the watchdog expires', async ({ launch }) => {
    const guest = await launch(
      say('report=no watchdog', { devices: [{ kind: 'watchdog', action: 'poweroff' }], timeout: '19m' }),
    )
    await expect(guest).toEnd('crashed')
    expect((await guest.done).meaning).toContain('watchdog')
  })

  test('crashed: the guest resets itself', async ({ launch }) => {
    const guest = await launch(say('report=no reboot'))
    await expect(guest).toEnd('crashed')
    expect((await guest.done).meaning).toBe('the guest reset itself')
  })

  test('timed-out: with the last console lines as evidence', async ({ launch }) => {
    const guest = await launch(say('report=no hang', { timeout: '1s' }))
    await expect(guest).toEnd('timed-out')
    const [finding] = (await guest.done).diagnostics
    expect(finding?.code).toBe('GUEST_TIMED_OUT')
    expect(finding?.evidence?.at(-1)).toMatch(/^\{"t":/)
  })

  test('interrupted: by the signal of the caller', async ({ launch }) => {
    const controller = new AbortController()
    const guest = await launch(say('ready-hang'), { signal: controller.signal })
    await guest.console.expect('"ready"')
    controller.abort()
    await expect(guest).toEnd('interrupted')
  })

  test('machine-failed: QEMU is killed by another process', async ({ launch }) => {
    const guest = await launch(say('ready-hang'))
    await guest.console.expect('"ready"')
    process.kill(guest.qemu.pid, 'SIGKILL')
    await expect(guest).toEnd('machine-failed')
  })

  test('machine-failed: QEMU refuses, and its output are shown', async ({ launch }) => {
    const error = await launch({ qemuArgs: ['-device', 'no-such-device'] }).catch((e: unknown) => e)
    expect(error).toMatchObject({
      code: 'QEMU_REFUSED',
      diagnostics: [{ what: expect.stringContaining('no-such-device') }],
    })
  })
})

describe('records', () => {
  test('keep plan, console, QMP messages and result', async ({ launch }) => {
    const guest = await launch(say('report=no'))
    const result = await guest.done
    const read = (name: string) => readFileSync(join(guest.folder.path, name), 'utf8')
    expect(JSON.parse(read('result.json')) as GuestResult).toEqual(JSON.parse(JSON.stringify(result)))
    expect(read('console.log')).toContain('"t":"end"')
    expect(read('qmp.jsonl')).toContain('"execute":"cont"')
    expect(JSON.parse(read('../../plan.json'))).toMatchObject({
      name: guest.plan.name,
      guests: [{ guest: guest.name, profile: 'probe' }],
    })
  })
})
