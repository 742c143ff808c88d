/** A pass is proved by the guest, and a failure is what really happened: on real QEMU, and on programs that stand for it. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { type Guest, type LaunchRequest, launch, type MachineInput } from 'bringup'
import { afterAll, describe, expect, it } from 'vitest'
import type { GuestResult } from '../../src/guest/record.ts'
import { multibootKernel, type TestKernelEnd, testKernel } from '../support/test-kernel.ts'

const folder = mkdtempSync(join(tmpdir(), 'proof '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

function boot(
  image: TestKernelEnd | Buffer,
  machine: MachineInput = {},
  request: LaunchRequest = {},
): Promise<Guest> {
  const kernel = join(folder, 'kernel.elf')
  writeFileSync(kernel, Buffer.isBuffer(image) ? image : testKernel('ready\n', image))
  const wanted = { accel: 'tcg', cpu: 1, memory: '16M', ...machine } as const
  const description = { ...wanted, boot: { kernel, ...machine.boot } }
  return launch(description, { folder, profile: 'bare', ...request })
}

describe('a guest that did not run', () => {
  it('has not passed when its CPUs could not be pinned', async () => {
    const error = await boot({ exit: 0 }, { pins: [{ cpu: 0, hostCpus: [4000] }] }).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: 'PIN_HOST_CPU_MISSING' })
    const { result } = error as { readonly result: GuestResult }
    expect(result).toMatchObject({ verdict: 'machine-failed', exitCode: 125, timings: { runMs: 0 } })
    const saved = JSON.parse(readFileSync(join(result.folder, 'result.json'), 'utf8')) as GuestResult
    expect(saved.diagnostics[0]?.code).toBe('PIN_HOST_CPU_MISSING')
  })

  it('has not passed when there is no taskset', async () => {
    const path = process.env.PATH
    const bin = mkdtempSync(join(folder, 'bin '))
    for (const tool of ['setpriv', 'flock'])
      writeFileSync(join(bin, tool), `#!/bin/sh\nexec /usr/bin/${tool} "$@"\n`, { mode: 0o755 })
    const machine = { qemu: '/usr/bin/qemu-system-x86_64', pins: [{ cpu: 0, hostCpus: [0] }] }
    await (await boot('hang', machine)).close()
    process.env.PATH = bin
    const error = await boot({ exit: 0 }, machine).catch((e: unknown) => e)
    process.env.PATH = path
    expect(error).toMatchObject({ code: 'PIN_FAILED', result: { verdict: 'machine-failed' } })
  })
})

describe('a guest that its owner closes', () => {
  it('has neither passed nor failed', async () => {
    const guest = await boot('hang')
    expect(await guest.close()).toMatchObject({ verdict: 'interrupted', exitCode: 130, diagnostics: [] })
  })
})

describe('a guest that its user ends on purpose', () => {
  it('is no error', async () => {
    const guest = await boot('hang')
    expect(await guest.interrupt()).toMatchObject({
      verdict: 'interrupted',
      exitCode: 130,
      meaning: 'ended by you',
      diagnostics: [],
    })
  })

  it('may have a time limit of any length', async () => {
    const guest = await boot('hang', { timeout: '1000h' })
    await guest.console.expect('ready', { timeoutMs: 2 ** 40 })
    expect(await guest.close()).toMatchObject({ meaning: 'the guest was stopped before it ended' })
  })
})

describe('QEMU’s words', () => {
  it('are no verdict: it does not know video modes of multiboot, and starts the kernel', async () => {
    const guest = await boot(multibootKernel(0))
    const result = await guest.done
    expect(result).toMatchObject({ verdict: 'passed', guestCode: 0 })
    expect(readFileSync(join(result.folder, 'stderr.log'), 'utf8')).toContain('multiboot knows VBE')
  })
})

describe.each(['seabios', 'qboot'] as const)('a reset with %s', (rom) => {
  it('that was asked for is no crash, however the guest ends then', async () => {
    const guest = await boot('fault-again', { boot: { rom }, cpu: 2 })
    await guest.console.expect('ready')
    await guest.reboot()
    // It boots again, and triple-faults this time.
    expect(await guest.done).toMatchObject({ verdict: 'crashed', meaning: 'the guest triple-faulted' })
    const other = await boot('hang', { boot: { rom } })
    for (let round = 0; round < 3; round++) {
      await other.console.expect('ready')
      await other.reboot()
    }
    await other.console.expect('ready')
    expect(await other.close()).toMatchObject({ verdict: 'interrupted' })
  })

  it('by the guest itself is a crash, also after one that was asked for', async () => {
    const guest = await boot('reset-again', { boot: { rom } })
    await guest.console.expect('ready')
    await guest.reboot()
    expect(await guest.done).toMatchObject({ verdict: 'crashed', meaning: 'the guest reset itself' })
  })

  it('may be the guest’s own, also by a triple fault, where the user allows it', async () => {
    const guest = await boot('triple-fault', { boot: { rom } }, { allowReboot: true })
    await guest.qemu.qmp.next('RESET')
    expect(await guest.close()).toMatchObject({ verdict: 'interrupted' })
  })
})

describe('a text on the console', () => {
  const until = async (image: TestKernelEnd, patterns: readonly string[], timeout = '20s') => {
    const kernel = join(folder, 'until.elf')
    writeFileSync(kernel, testKernel('boot\ntests: 12 passed, 0 failed\nshell> ', image))
    const config = {
      kernel: { image: kernel, passPatterns: patterns, exitCodes: { 49: 'passed' } },
      machines: { default: { accel: 'tcg', cpu: 1, memory: '16M', timeout } },
    }
    const project = mkdtempSync(join(folder, 'project '))
    writeFileSync(join(project, 'bringup.config.json'), JSON.stringify(config))
    return (await launch('default', { folder: project })).done
  }

  it('is the pass, and ends a guest that would run forever', async () => {
    expect(await until('hang', ['\\b0 failed'])).toMatchObject({
      verdict: 'passed',
      exitCode: 0,
      meaning: 'the console showed "0 failed" in line 2',
    })
    expect(await until('hang', ['^shell> $'])).toMatchObject({ verdict: 'passed' })
  })

  it('that never came is no pass, however the guest ended', async () => {
    expect(await until('hang', ['all well'], '1s')).toMatchObject({ verdict: 'timed-out' })
    const ended = await until({ exit: 49 }, ['all well'])
    expect(ended).toMatchObject({ verdict: 'failed', diagnostics: [{ code: 'PASS_NOT_SHOWN' }] })
  })

  it('is not needed where the exit code has a meaning', async () => {
    expect(await until({ exit: 49 }, [])).toMatchObject({ verdict: 'passed', guestCode: 49 })
    const unknown = await until({ exit: 50 }, [])
    expect(unknown).toMatchObject({ verdict: 'failed', diagnostics: [{ code: 'GUEST_CODE_UNKNOWN' }] })
  })
})
