/** The built command as its users run it. */
import { spawn } from 'node:child_process'
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup cli, '))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (...args: string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })

/** Processes whose command line names this test's folder. */
function leftovers(): readonly string[] {
  return readdirSync('/proc').filter((pid) => {
    try {
      return (
        /^\d+$/.test(pid) &&
        Number(pid) !== process.pid &&
        readFileSync(`/proc/${pid}/cmdline`, 'utf8').includes(folder)
      )
    } catch {
      return false
    }
  })
}

describe('bringup run', () => {
  it('boots two nodes and an NVDIMM that remembers the last boot', async () => {
    const first = await bringup('run')
    expect(first.exitCode, first.stderr).toBe(0)
    expect(first.stdout).toContain('first boot')
    const second = await bringup('run')
    expect(second.stdout).toContain('kept what the last boot wrote: this is boot 2')
  })

  it('says the same in JSON, and nothing else on stdout', async () => {
    const { stdout, exitCode } = await bringup(
      'run',
      '--json',
      '--numa',
      '2',
      '--cores',
      '4',
      '--nvdimm',
      '16M,node=1',
    )
    expect(exitCode).toBe(0)
    const result = JSON.parse(stdout)
    expect(result).toMatchObject({ verdict: 'passed', exitCode: 0 })
    const [{ result: guest }] = result.guests
    expect(guest).toMatchObject({ verdict: 'passed', exitCode: 0, guestCode: 16 })
    expect(guest.comparison.every((c: { ok: boolean }) => c.ok)).toBe(true)
    expect(guest.guest.nodes).toHaveLength(2)
  })

  it('ends with what the guest said, where that is asked for', async () => {
    for (const [argv, code] of [
      [['--append', 'report=no exit=9'], 9],
      [['--append', 'triple-fault'], 123],
    ] as const)
      expect((await bringup('run', '--no-verify', '--exit-code', 'guest', ...argv)).exitCode).toBe(code)
  })

  it.each([
    ['failed', ['--append', 'report=no exit=9'], 1],
    ['crashed', ['--append', 'triple-fault'], 123],
    ['timed-out', ['--append', 'report=no hang', '--timeout', '1s'], 124],
    ['machine-failed', ['--qemu-arg', '-device', '--qemu-arg', 'no-such-device'], 125],
  ])('has an exit code of its own for %s', async (_verdict, args, code) => {
    const { exitCode } = await bringup('run', ...args)
    expect(exitCode).toBe(code)
  })

  it('ends with 130 on Ctrl-C, with the record written and nothing left', async () => {
    const child = spawn(process.execPath, [BIN, 'run', '--console', '--append', 'ready-hang'], {
      cwd: folder,
      stdio: ['ignore', 'pipe', 'ignore'],
    })
    const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))
    await new Promise<void>((resolve) => {
      let seen = ''
      child.stdout.on('data', (chunk) => {
        seen += chunk
        if (seen.includes('"ready"')) resolve()
      })
    })
    child.kill('SIGINT')
    expect(await exited).toBe(130)
    expect(leftovers()).toEqual([])
    const { stdout } = await bringup('runs', '--json')
    expect(stdout).toContain('"interrupted"')
  })

  it('leaves nothing when it is killed at twenty random moments', async () => {
    await bringup('run')
    const store =
      readdirSync(join(folder, '.bringup', 'stores'), { recursive: true, encoding: 'utf8' }).find((n) =>
        n.endsWith('.img'),
      ) ?? ''
    for (let i = 0; i < 20; i++) {
      const child = spawn(process.execPath, [BIN, 'run', '--append', 'ready-hang'], {
        cwd: folder,
        stdio: 'ignore',
      })
      const exited = new Promise((resolve) => child.once('exit', resolve))
      const moment = new Promise((resolve) => setTimeout(resolve, Math.random() * 600))
      await moment
      child.kill('SIGKILL')
      await exited
      await expect.poll(leftovers, { timeout: 1_000_000 }).toEqual([])
      // The lock went with its holder.
      const lock = () =>
        execa('flock', ['--nonblock', join(folder, '.bringup', 'stores', store), 'true'], { reject: false })
      await expect.poll(async () => (await lock()).exitCode, { timeout: 1_000_000 }).toBe(0)
    }
    const rerun = await bringup('run')
    expect(rerun.exitCode).toBe(0)
  })

  it.skipIf(process.getuid?.() !== 0)(
    'runs as an ordinary user, without touching what is root’s',
    async () => {
      chmodSync(folder, 0o777)
      const home = join(folder, 'home')
      mkdirSync(home, { mode: 0o777 })
      chmodSync(home, 0o777)
      const asNobody = [
        '--reuid',
        '65534',
        '--regid',
        '65534',
        '--clear-groups',
        '--',
        process.execPath,
        BIN,
        'run',
        '--json',
      ]
      const { stdout, stderr, exitCode } = await execa('setpriv', asNobody, {
        cwd: folder,
        reject: false,
        env: { HOME: home, XDG_CACHE_HOME: join(home, 'cache') },
      })
      expect(exitCode, stderr).toBe(0)
      expect(JSON.parse(stdout)).toMatchObject({ verdict: 'passed' })
    },
  )
})

describe('bad input', () => {
  it('reports every problem of a config at once, with paths and remedies', async () => {
    writeFileSync(
      join(folder, 'bringup.config.json'),
      JSON.stringify({
        machines: { a: { memroy: '1G', devices: [{ kind: 'nvdimm', size: '12 potatoes' }] } },
      }),
    )
    const { exitCode, stderr } = await bringup('run')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('memroy')
    expect(stderr).toContain('12 potatoes')
    expect(stderr).toContain('remedy')
    expect(stderr).not.toContain('    at ')
  })

  it('refuses a kernel that is a text file before QEMU sees it', async () => {
    writeFileSync(join(folder, 'kernel.txt'), 'I am not a kernel\n')
    const { exitCode, stderr } = await bringup('run', '--kernel', 'kernel.txt')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('kernel.txt')
  })

  it('suggests what was meant', async () => {
    const { exitCode, stderr } = await bringup('rn')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('run')
  })
})

describe('bringup plan', () => {
  it('prints argv and findings as JSON, and changes nothing', async () => {
    const { stdout, exitCode } = await bringup('plan', '--json', '--nvdimm', '16M,node=7', '--numa', '2')
    expect(exitCode).toBe(2)
    const plan = JSON.parse(stdout)
    expect(plan.guests[0].argv[0]).toContain('qemu-system-x86_64')
    expect(plan.diagnostics).toContainEqual(
      expect.objectContaining({ code: 'NVDIMM_NODE_MISSING', severity: 'error', remedy: expect.any(String) }),
    )
    expect(readdirSync(folder)).toEqual([])
  })

  it('prints a command that a person can paste', async () => {
    const { stdout } = await bringup('plan', '--command', '--nvdimm', '16M', '--append', 'report=no')
    const pasted = await execa('bash', ['-c', stdout], {
      cwd: folder,
      reject: false,
      stdin: 'ignore',
    })
    expect(pasted.exitCode).toBe(33)
    expect(pasted.stdout).toContain('"t":"end"')
  })
})
