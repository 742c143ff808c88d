/** A QEMU that does not answer, refuses or says garbage before the guest runs: a finding in time, and never a pass. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { launch, type MachineInput } from 'bringup'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'
import { type FakeQemu, fakeQemu } from '../support/fake-qemu.ts'
import { testKernel } from '../support/test-kernel.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'silent-qemu-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const kernel = join(folder, 'kernel.elf')
writeFileSync(kernel, testKernel('', { exit: 0 }))

/** Everything that is asked before the guest runs. */
const MACHINE: MachineInput = {
  accel: 'tcg',
  cpu: 1,
  memory: '16M',
  timeout: '3s',
  boot: { kernel },
  pins: [{ cpu: 0, hostCpus: [0] }],
  devices: [{ kind: 'nic', forwards: [{ guest: 22 }] }],
}
const ASKED = ['greeting', 'qmp_capabilities', 'query-cpus-fast', 'human-monitor-command', 'cont'] as const

async function failureOf(fake: FakeQemu) {
  const machine = { ...MACHINE, qemu: fakeQemu(folder, fake) }
  const error = await launch(machine, { folder, profile: 'bare' }).catch((e: unknown) => e)
  return error as { code: string; result: { verdict: string; meaning: string } }
}

/** Bringup names it too, by --qemu. */
const isOf = (commandLine: string, path: string) =>
  commandLine.includes(path) && !commandLine.includes('--qemu')

function processesOf(name: string): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && isOf(readFileSync(`/proc/${pid}/cmdline`, 'utf8'), join(folder, name))
    } catch {
      return false
    }
  })
}

describe.each(ASKED)('a QEMU at %s', (at) => {
  it('that says nothing any more ends at the deadline', async () => {
    const { code, result } = await failureOf({ at, does: 'hang' })
    expect({ code, verdict: result.verdict }).toEqual({ code: 'QEMU_SILENT', verdict: 'machine-failed' })
    expect(result.meaning).toContain(at === 'greeting' ? 'no QMP greeting' : `"${at}"`)
    expect(processesOf(`qemu-hang-${at}`)).toEqual([])
  })

  it('that says garbage, refuses or ends has not run the guest', async () => {
    const garbage = await failureOf({ at, does: 'garbage' })
    expect(garbage).toMatchObject({ code: 'QMP_BROKEN', result: { verdict: 'machine-failed' } })
    const ends = await failureOf({ at, does: 'end' })
    expect(ends).toMatchObject({ code: 'QEMU_REFUSED', result: { verdict: 'machine-failed' } })
    if (at === 'greeting') return
    const refuses = await failureOf({ at, does: 'refuse' })
    expect(refuses).toMatchObject({
      code: 'QEMU_REFUSED',
      result: { verdict: 'machine-failed', meaning: `QEMU refused "${at}": no ${at} today` },
    })
  })
})

describe('bringup run with a QEMU that hangs', () => {
  const run = (path: string) =>
    spawn(process.execPath, [BIN, 'run', '--qemu', path, '--kernel', kernel, '--timeout', '1h'], {
      cwd: folder,
      stdio: 'ignore',
    })
  /** Resolves once the process that was named runs. */
  async function until(name: string): Promise<void> {
    for (;;) {
      if (processesOf(name).length > 0) return
      await execa('true')
    }
  }

  it.each([
    { at: 'greeting', does: 'hang' },
    { at: 'cont', does: 'hang' },
  ] as const)('at $at ends at the first Ctrl-C', async (fake) => {
    const child = run(fakeQemu(folder, fake))
    const exit = once(child, 'exit')
    await until(`qemu-${fake.does}-${fake.at}`)
    child.kill('SIGINT')
    expect(await exit).toEqual([130, null])
    expect(processesOf(`qemu-${fake.does}-${fake.at}`)).toEqual([])
  })

  it('when it is asked what it can do ends at the first Ctrl-C', async () => {
    const path = join(folder, 'no-qemu')
    writeFileSync(path, '#!/bin/sh\nsleep 300\n', { mode: 0o755 })
    const child = run(path)
    const exit = once(child, 'exit')
    await until('no-qemu')
    child.kill('SIGINT')
    expect(await exit).toEqual([130, null])
    expect(processesOf('no-qemu')).toEqual([])
  })
})

describe('standard output', () => {
  const bringup = (line: string) =>
    execa('bash', ['-c', line, 'bash', process.execPath, BIN], {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
    })

  it('whose reader has gone does not end the run, which is recorded and returns its code', async () => {
    const boot = '"$1" "$2" run --console --memory 64M --append "flood=20000 exit=9 report=no"'
    const { stdout } = await bringup(`${boot} | head -1; echo "\${PIPESTATUS[0]}"`)
    expect(stdout.split('\n').at(-1)).toBe('1')
    const { stdout: runs } = await bringup('"$1" "$2" runs --json')
    expect(JSON.parse(runs)).toMatchObject({
      runs: expect.arrayContaining([expect.objectContaining({ verdict: 'failed', exitCode: 1 })]),
    })
  })

  it.each(['--version', '--help', 'machines', 'plan --json', 'runs --json'])(
    'on a full device is a finding of %s',
    async (words) => {
      const { exitCode, stderr } = await bringup(`"$1" "$2" ${words} > /dev/full`)
      expect(exitCode).toBe(74)
      expect(stderr).toContain('error OUTPUT_LOST')
      expect(stderr).not.toMatch(/\n {4}at /)
    },
  )

  it('and standard error may be closed or full', async () => {
    const { exitCode } = await bringup('"$1" "$2" plan --memory 1 2> /dev/full')
    expect(exitCode).toBe(2)
    expect((await bringup('"$1" "$2" machines >&- 2>&-')).exitCode).toBe(0)
  })
})
