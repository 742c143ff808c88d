/** Background runs: `run -d`, and the commands that work with them. */
import {
  existsSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { watchProgress } from '../support/progress.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-detached-'))
const runs = join(folder, '.bringup/runs')
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (...args: readonly string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })
const start = async (...args: readonly string[]): Promise<string> => {
  const { stdout, stderr, exitCode } = await bringup('run', '-d', ...args)
  expect(exitCode, stderr).toBe(0)
  return stdout
}
const waiting = ['--memory', '64M', '--append', 'report=no ready-hang']

/** Processes that work in the folder of the tests. */
const processesHere = () =>
  readdirSync('/proc').filter((pid) => {
    try {
      return /^\d+$/.test(pid) && Number(pid) !== process.pid && readlinkSync(`/proc/${pid}/cwd`) === folder
    } catch {
      return false
    }
  })

/** Looks again and again until the processes are gone; fails when one of them is stuck. */
async function untilNoneIsLeft(): Promise<void> {
  let stuck: string | undefined
  const [first] = processesHere()
  const stop =
    first === undefined
      ? () => {}
      : watchProgress(Number(first), { cpuSeconds: 30, onStuck: (why) => (stuck = why) })
  while (processesHere().length > 0 && stuck === undefined)
    await new Promise((resolve) => setImmediate(resolve))
  stop()
  expect(stuck).toBeUndefined()
}

describe('a background run', () => {
  afterEach(async () => {
    const { stdout } = await bringup('ps', '--json')
    for (const { id } of JSON.parse(stdout).runs) await bringup('stop', id)
    await untilNoneIsLeft()
  })

  test('is listed, read, stopped and deleted by its name', async () => {
    const id = await start('--name', 'db', ...waiting)
    expect(JSON.parse((await bringup('ps', '--json')).stdout)).toMatchObject({
      runs: [{ id, label: 'db', verdict: 'running', guests: ['default'], isDetached: true }],
    })
    expect((await bringup('run', '-d', '--name', 'db', ...waiting)).stderr).toContain('RUN_NAME_TAKEN')
    expect((await bringup('rm', 'db')).stderr).toContain('RUN_GOES_ON')
    const follow = bringup('logs', '-f', 'db')
    const stopped = await bringup('stop', 'db')
    expect(stopped.stdout).toContain('db: interrupted')
    expect((await follow).stdout).toContain('"t":"ready"')
    expect((await bringup('ps')).stderr).toContain('No run is running')
    expect(existsSync(join(runs, id, 'control.json'))).toBe(false)
    expect((await bringup('rm', 'db')).stdout).toBe('deleted 1 run')
    expect(existsSync(join(runs, id))).toBe(false)
  })

  test('says what is wrong before it stays', async () => {
    const { exitCode, stderr, stdout } = await bringup('run', '-d', '--nvdimm', '16M,node=7', '--numa', '2')
    expect(exitCode).toBe(2)
    expect(stderr).toContain('NVDIMM_NODE_MISSING')
    expect(stdout).toBe('')
    const unnamed = await bringup('run', '-d', '--name', 'last')
    expect([unnamed.exitCode, unnamed.stderr]).toEqual([2, expect.stringContaining('--name last')])
    expect(readdirSync(join(folder, '.bringup')).filter((name) => name.startsWith('detached'))).toEqual([])
  })

  test('says all of why its start failed, and ends with the code of that', async () => {
    const config = {
      racks: { broken: { services: { s: { argv: ['false'], ready: { port: 1 } } }, guests: { g: {} } } },
    }
    writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(config))
    const plain = await bringup('run', '--rack', 'broken', '--json')
    const detached = await bringup('run', '-d', '--rack', 'broken', '--json')
    rmSync(join(folder, 'bringup.config.json'))
    const codes = (stdout: string) =>
      JSON.parse(stdout).diagnostics.map(({ code }: { readonly code: string }) => code)
    expect(codes(plain.stdout)).toEqual([expect.stringContaining('SERVICE_')])
    expect([codes(detached.stdout), detached.exitCode]).toEqual([codes(plain.stdout), plain.exitCode])
  })

  test('leaves nothing when its owner is killed', async () => {
    const id = await start(...waiting)
    const { pid } = JSON.parse(readFileSync(join(runs, id, 'run.json'), 'utf8'))
    process.kill(pid, 'SIGKILL')
    await untilNoneIsLeft()
    expect(JSON.parse((await bringup('runs', '--json')).stdout).runs.at(-1)).toMatchObject({
      id,
      verdict: 'abandoned',
    })
    expect((await bringup('stop', id)).stderr).toContain('RUN_NOT_REACHED')
  })

  test('ends with the process that waits for its start, where that is interrupted or killed', async () => {
    // QEMU that never answers; questions about the binary go to the real one.
    const stuck = join(folder, 'stuck-qemu')
    const questions = '*"-machine none"* | *"-L help"* | *"-append accel"*'
    const script = `case "$*" in ${questions}) exec /usr/bin/qemu-system-x86_64 "$@" ;; esac\nexec cat /dev/zero > /dev/null`
    writeFileSync(stuck, `#!/bin/sh\n${script}\n`, { mode: 0o755 })
    const count = () => (existsSync(runs) ? readdirSync(runs).length : 0)
    for (const signal of ['SIGINT', 'SIGKILL'] as const) {
      const before = count()
      const waits = bringup('run', '-d', ...waiting, '--qemu', stuck)
      await expect.poll(count, { timeout: 240_000, interval: 20 }).toBe(before + 1)
      waits.kill(signal)
      const { exitCode } = await waits
      if (signal === 'SIGINT') expect(exitCode).toBe(130)
      await untilNoneIsLeft()
      expect(readdirSync(join(folder, '.bringup')).filter((name) => name.startsWith('detached'))).toEqual([])
    }
  })

  test('has a door for its user alone', async () => {
    const id = await start(...waiting)
    const path = join(runs, id, 'control.json')
    expect(statSync(path).mode & 0o777).toBe(0o600)
    const { socket, secret } = JSON.parse(readFileSync(path, 'utf8'))
    const request = { op: 'stop' }
    const wrong = [
      JSON.stringify({ secret: secret.replace(/^./, (c: string) => (c === 'a' ? 'b' : 'a')), request }),
      JSON.stringify({ request }),
      JSON.stringify({ secret, request: { op: 'format' } }),
      'GET / HTTP/1.1',
      `{"secret":"${'x'.repeat(100_000)}"`,
    ]
    for (const line of wrong) expect(await answerTo(socket, line), line.slice(0, 40)).toBe('')
    const asNobody = await execa('setpriv', ['--reuid=65534', '--clear-groups', '--', 'cat', path], {
      reject: false,
    })
    expect(asNobody.exitCode).not.toBe(0)
    expect(JSON.parse((await bringup('ps', '--json')).stdout).runs).toHaveLength(1)
  })

  test('of a rack has the logs of all guests', async () => {
    const guest = { machine: { memory: '64M', boot: { append: 'report=no ready-hang' } } }
    writeFileSync(
      join(folder, 'bringup.config.json'),
      JSON.stringify({ racks: { two: { guests: { a: guest, b: guest } } } }),
    )
    await start('--rack', 'two')
    const { stdout } = await bringup('ps', '--json')
    expect(JSON.parse(stdout).runs).toMatchObject([{ name: 'two', guests: ['a', 'b'] }])
    const follow = bringup('logs', '-f')
    await bringup('stop')
    const lines = (await follow).stdout.split('\n')
    for (const name of ['a', 'b']) expect(lines.some((line) => line.startsWith(`${name} │ `))).toBe(true)
    rmSync(join(folder, 'bringup.config.json'))
  })
})

/** What the door sends before it closes the connection. */
function answerTo(socket: string, line: string): Promise<string> {
  return new Promise((resolve) => {
    let text = ''
    const client = connect({ path: `\0${socket}` }, () => client.write(`${line}\n`))
    client.on('data', (chunk: Buffer) => {
      text += chunk
    })
    client.on('error', () => {})
    client.on('close', () => resolve(text))
  })
}

describe('a Linux guest of a background run', { timeout: 600_000 }, () => {
  beforeAll(async () => {
    await start('--name', 'box', '--profile', 'linux', '--memory', '256M')
  }, 600_000)
  afterAll(async () => {
    await bringup('stop', 'box')
    await untilNoneIsLeft()
  }, 600_000)

  test('runs commands with their input, output and code', async () => {
    expect((await bringup('exec', 'box', '--', 'uname', '-s')).stdout).toBe('Linux')
    const piped = await execa(process.execPath, [BIN, 'exec', '--', 'wc', '-c'], {
      cwd: folder,
      input: 'x'.repeat(100_000),
    })
    expect(piped.stdout.trim()).toBe('100000')
    const failed = await bringup('exec', '--', 'sh', '-c', 'echo wrong >&2; exit 7')
    expect(failed).toMatchObject({ exitCode: 7, stderr: 'wrong', stdout: '' })
    expect(JSON.parse((await bringup('exec', '--json', '--', 'echo', 'hi')).stdout)).toEqual({
      exitCode: 0,
      stdout: 'hi\n',
      stderr: '',
    })
  })

  test('takes and gives files', async () => {
    writeFileSync(join(folder, 'here.txt'), 'from here\n')
    expect((await bringup('cp', 'here.txt', ':/tmp/there.txt')).exitCode).toBe(0)
    expect((await bringup('cp', 'box:/tmp/there.txt', 'back.txt')).exitCode).toBe(0)
    expect(readFileSync(join(folder, 'back.txt'), 'utf8')).toBe('from here\n')
    expect((await bringup('cp', 'here.txt', 'back.txt')).exitCode).toBe(2)
    expect((await bringup('cp', 'here.txt', 'nowhere:/tmp/x')).stderr).toContain('RUN_NOT_REACHED')
  })

  test('goes on where a command in it is left by Ctrl-C', async () => {
    const left = bringup('exec', '--', 'sh', '-c', 'echo up; sleep 1000')
    await new Promise((resolve) => left.stdout.once('data', resolve))
    left.kill('SIGINT')
    expect((await left).exitCode).toBe(130)
    expect((await bringup('exec', '--', 'echo', 'still here')).stdout).toBe('still here')
  })

  test('is attached to from a terminal, which it outlives', async () => {
    const script = ['-qec', `${process.execPath} ${BIN} exec -- tty`, '/dev/null']
    const { stdout } = await execa('script', script, { cwd: folder, stdin: 'ignore', reject: false })
    expect(stdout).toContain('/dev/pts/')
    expect(JSON.parse((await bringup('ps', '--json')).stdout).runs).toMatchObject([{ label: 'box' }])
  })
})
