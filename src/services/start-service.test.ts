/** Services that are real processes: small programs of Node and the shell. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, beforeEach, describe, expect, test, vi } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { parseService, type ServiceInput } from './service.ts'
import { type ServiceEvent, startService } from './start-service.ts'
import { startServices } from './start-services.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup services '))
afterAll(() => rmSync(folder, { recursive: true }))
const runtime = join(mkdtempSync(join(tmpdir(), 'run-')))
afterAll(() => rmSync(runtime, { recursive: true }))
beforeEach(() => {
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
})

const DRIVER = fileURLToPath(new URL('../../test/support/service-driver.ts', import.meta.url))
const RUN_SOURCE = fileURLToPath(new URL('../../scripts/run-source.mjs', import.meta.url))

const shell = (script: string): [string, ...string[]] => ['sh', '-c', script]
const node = (script: string): [string, ...string[]] => [process.execPath, '-e', script]

const isAlive = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

function start(input: Omit<ServiceInput, 'name'>, logPath?: string) {
  const events: ServiceEvent[] = []
  const spec = parseService({ name: 'tester', readyWithin: '600s', ...input })
  const onEvent = (event: ServiceEvent) => events.push(event)
  return { events, service: startService(spec, { onEvent, ...(logPath ? { logPath } : {}) }) }
}

async function refusal(started: Promise<unknown>) {
  const error = await started.then(
    () => undefined,
    (reason: unknown) => reason,
  )
  expect(error).toBeInstanceOf(BringupError)
  return (error as BringupError).diagnostics[0]
}

describe('readiness', () => {
  test('a line of output; a private log has what was said', async () => {
    const logPath = join(folder, 'a', 'log')
    const { events, service } = start(
      {
        argv: shell('echo begins; echo "now ready" >&2; echo $EXTRA; exec sleep 1000'),
        env: { EXTRA: 'in {folder}' },
        ready: { pattern: '^now r' },
      },
      logPath,
    )
    await using running = await service
    expect(events.map((e) => e.type)).toEqual(['service started', 'service ready'])
    expect(isAlive(running.pid)).toBe(true)
    expect(statSync(running.folder).mode & 0o777).toBe(0o700)
    expect(statSync(logPath).mode & 0o777).toBe(0o600)
    await vi.waitFor(() => expect(readFileSync(logPath, 'utf8')).toContain(`in ${running.folder}\n`))
    await running[Symbol.asyncDispose]()
    expect(isAlive(running.pid)).toBe(false)
    expect(existsSync(running.folder)).toBe(false)
    expect(events.at(-1)).toEqual({ type: 'service ended', service: 'tester', wasWanted: true })
  })

  test('a port, which counts once something listens on it', async () => {
    const free = createServer().listen(0, '127.0.0.1')
    await once(free, 'listening')
    const { port } = free.address() as { port: number }
    const input = {
      argv: node(`require('node:net').createServer().listen(${port}, '127.0.0.1')`),
      ready: { port },
    }
    expect(await refusal(start(input).service)).toMatchObject({
      code: 'SERVICE_PORT_TAKEN',
      what: expect.stringContaining(`process ${process.pid}`),
    })
    free.close()
    await once(free, 'close')
    await using running = await start(input).service
    expect(isAlive(running.pid)).toBe(true)
  })

  test('a socket in its folder, and a file in a folder that is still to come', async () => {
    await using listens = await start({
      argv: node(`
        const server = require('node:net').createServer()
        server.listen(process.argv[1])`).concat('{folder}/socket') as [string, ...string[]],
      ready: { path: '{folder}/socket' },
    }).service
    expect(statSync(join(listens.folder, 'socket')).isSocket()).toBe(true)
    const path = join(folder, 'later/still later/pid')
    await using writes = await start({
      argv: shell(`mkdir -p "${join(folder, 'later/still later')}"; echo $$ > "${path}"; exec sleep 1000`),
      ready: { path },
    }).service
    // It is there from the moment in which it is made.
    await vi.waitFor(() => expect(Number(readFileSync(path, 'utf8'))).toBe(writes.pid))
  })

  test('an old file is no sign; a socket of another process is refused', async () => {
    const path = join(folder, 'old')
    writeFileSync(path, 'old')
    await using running = await start({
      argv: shell(`echo new > "${path}"; exec sleep 1000`),
      ready: { path },
    }).service
    await vi.waitFor(() => expect(readFileSync(path, 'utf8')).toBe('new\n'))
    expect(running.pid).toBeGreaterThan(0)
    const socket = join(folder, 'socket')
    const other = createServer().listen(socket)
    await once(other, 'listening')
    const again = start({ argv: shell('exec sleep 1000'), ready: { path: socket } }).service
    expect(await refusal(again)).toMatchObject({ code: 'SERVICE_PATH_TAKEN' })
    other.close()
  })

  test('without a sign, that it was started', async () => {
    const { events, service } = start({ argv: shell('exec sleep 1000') })
    await using _ = await service
    expect(events.map((e) => e.type)).toEqual(['service started', 'service ready'])
  })
})

describe('what goes wrong', () => {
  test('there is no such program, and no program at that path', async () => {
    expect(await refusal(start({ argv: ['no-such-program'] }).service)).toMatchObject({
      code: 'SERVICE_PROGRAM_MISSING',
    })
    const path = join(folder, 'nothing here')
    const started = start({ argv: [path], ready: { pattern: 'never' } }).service
    expect(await refusal(started)).toMatchObject({
      code: 'SERVICE_PROGRAM_MISSING',
      what: expect.stringContaining('No such file'),
    })
  })

  test('it ends before it is ready: with the last lines of its log', async () => {
    const started = start({ argv: shell('echo what is wrong; exit 3'), ready: { pattern: 'ready' } }).service
    expect(await refusal(started)).toMatchObject({
      code: 'SERVICE_NOT_READY',
      what: 'service tester ended with status 3 before it was ready: no line of its output matched /ready/',
      evidence: ['what is wrong'],
    })
  })

  test('it never gets ready', async () => {
    const started = start({
      argv: shell('echo $$; exec sleep 1000'),
      ready: { pattern: 'ready' },
      readyWithin: '2s',
    }).service
    const finding = await refusal(started)
    expect(finding).toMatchObject({ code: 'SERVICE_NOT_READY', what: expect.stringContaining('after 2.0 s') })
    expect(isAlive(Number(finding?.evidence?.[0]))).toBe(false)
  })

  test('it dies while it is needed', async () => {
    const { service } = start({ argv: shell('echo last words; exit 4') })
    await using running = await service
    expect(await running.died).toMatchObject({
      code: 'SERVICE_DIED',
      what: 'service tester ended with status 4',
      evidence: ['last words'],
    })
    const killed = await start({ argv: shell('exec sleep 1000') }).service
    process.kill(killed.pid, 'SIGSEGV')
    expect(await killed.died).toMatchObject({ what: 'service tester was killed by SIGSEGV' })
  })

  test('a program that goes into the background has ended, and what it left goes too', async () => {
    const pidFile = join(folder, 'background')
    const running = await start({
      argv: shell(
        `setsid sh -c 'echo $$ > "$0"; exec sleep 1000' "${pidFile}" & while [ ! -s "${pidFile}" ]; do sleep 0.01; done; echo ready`,
      ),
      ready: { pattern: 'ready' },
    }).service
    expect(await running.died).toMatchObject({
      code: 'SERVICE_DIED',
      remedy: expect.stringContaining('foreground'),
    })
    expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false)
  })

  test('a signal to give up ends it', async () => {
    const controller = new AbortController()
    const spec = parseService({ name: 'waits', argv: shell('exec sleep 1000'), ready: { pattern: 'never' } })
    const pids: number[] = []
    const started = startService(spec, {
      signal: controller.signal,
      onEvent: (event) => {
        if (event.type === 'service started') pids.push(event.pid)
        controller.abort(new Error('given up'))
      },
    })
    await expect(started).rejects.toThrow('given up')
    expect(pids.map(isAlive)).toEqual([false])
  })

  test('its supervisor is killed', async () => {
    const running = await start({ argv: shell('sleep 1000 & wait') }).service
    const supervisor = Number(
      /^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${running.pid}/status`, 'utf8'))?.[1],
    )
    process.kill(supervisor, 'SIGKILL')
    expect(await running.died).toMatchObject({ code: 'SERVICE_NOT_SUPERVISED' })
    expect(isAlive(running.pid)).toBe(false)
    expect(existsSync(running.folder)).toBe(false)
  })

  test('the folder for sockets belongs to others', async () => {
    const open = join(folder, 'open')
    mkdirSync(join(open, 'bringup'), { recursive: true })
    mkdirSync(open, { recursive: true, mode: 0o700 })
    statSync(open)
    vi.stubEnv('XDG_RUNTIME_DIR', mkdtempSync(join(tmpdir(), 'x-')))
    mkdirSync(join(process.env.XDG_RUNTIME_DIR ?? '', 'bringup'), { mode: 0o755 })
    expect(await refusal(start({ argv: shell('exec sleep 1000') }).service)).toMatchObject({
      code: 'SERVICE_FOLDER_UNSAFE',
    })
    rmSync(process.env.XDG_RUNTIME_DIR ?? '', { recursive: true })
  })
})

describe('restart', () => {
  test('it is started again as often as allowed, once it was ready', async () => {
    const { events, service } = start({
      argv: shell('echo ready; sleep 0.05; exit 1'),
      ready: { pattern: 'ready' },
      restart: 2,
    })
    const running = await service
    expect(await running.died).toMatchObject({
      code: 'SERVICE_DIED',
      what: 'service tester ended with status 1 after 3 starts',
    })
    const once = ['started', 'ready', 'restarted']
    const types = [...once, ...once, 'started', 'ready', 'ended'].map((word) => `service ${word}`)
    expect(events.map((e) => e.type)).toEqual(types)
  })
})

describe('the end', () => {
  test('by its stop signal, or it is killed', async () => {
    const log = join(folder, 'stopped')
    const trap = (signal: string, then: string) =>
      shell(`trap '${then}' ${signal}; echo ready; while :; do sleep 0.05; done`)
    const good = start({
      argv: trap('INT', `echo good > "${log}"; exit`),
      ready: { pattern: 'r' },
      stop: 'SIGINT',
    })
    await (await good.service)[Symbol.asyncDispose]()
    expect(readFileSync(log, 'utf8')).toBe('good\n')
    const deaf = start({ argv: trap('TERM', ':'), ready: { pattern: 'r' }, stopWithin: '300ms' })
    await (await deaf.service)[Symbol.asyncDispose]()
    expect(deaf.events.at(-1)).toMatchObject({ wasWanted: true, finding: { code: 'SERVICE_KILLED' } })
  })

  test('in reverse order, also when a later one does not start', async () => {
    const order = join(folder, 'order')
    const named = (name: string) =>
      parseService({
        name,
        argv: shell(`trap 'echo ${name} >> "${order}"; exit' TERM; echo ready; while :; do sleep 0.05; done`),
        ready: { pattern: 'ready' },
      })
    const services = await startServices([named('a'), named('b'), named('c')], {
      runFolder: join(folder, 'run'),
    })
    await services[Symbol.asyncDispose]()
    expect(readFileSync(order, 'utf8')).toBe('c\nb\na\n')
    expect(readFileSync(join(folder, 'run/services/b/log'), 'utf8')).toBe('ready\n')
    rmSync(order)
    const wrong = parseService({ name: 'wrong', argv: ['no-such-program'] })
    await expect(startServices([named('a'), named('b'), wrong])).rejects.toThrow('SERVICE_PROGRAM_MISSING')
    expect(readFileSync(order, 'utf8')).toBe('b\na\n')
    await expect(startServices([named('a'), named('a')])).rejects.toThrow('SERVICE_NAME_TWICE')
  })
})

/** Another process that uses a service. */
async function user(input: ServiceInput) {
  const child = spawn(process.execPath, [RUN_SOURCE, DRIVER, JSON.stringify(input)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const lines = createInterface({ input: child.stdout })
  const isIn = new Promise<{ readonly pid: number; readonly folder: string; readonly code?: string }>(
    (resolve) => {
      lines.on('line', (line) => {
        const message = JSON.parse(line)
        if (message.kind === 'in use' || message.kind === 'refused') resolve(message)
      })
    },
  )
  const ended = once(child, 'exit')
  return { child, isIn, ended }
}

describe('a shared service', () => {
  const shared = (key: string): ServiceInput => ({
    name: 'shared',
    shared: key,
    readyWithin: '600s',
    argv: shell(
      `mkdir "${folder}/${key}.one" || echo twice >> "${folder}/${key}.twice"; trap 'rmdir "${folder}/${key}.one"; exit' TERM; echo ready; while :; do sleep 0.05; done`,
    ),
    ready: { pattern: 'ready' },
  })

  test('exists once for users of several processes, and ends with the last', async () => {
    const one = await startService(parseService(shared('few')))
    const two = await startService(parseService({ ...shared('few'), name: 'another-name' }))
    const other = await user(shared('few'))
    expect((await other.isIn).pid).toBe(one.pid)
    expect([two.pid, two.folder]).toEqual([one.pid, one.folder])
    await one[Symbol.asyncDispose]()
    await two[Symbol.asyncDispose]()
    expect(isAlive(one.pid)).toBe(true)
    other.child.kill('SIGKILL')
    await vi.waitFor(() => expect(isAlive(one.pid)).toBe(false), { timeout: 60_000 })
    await vi.waitFor(() => expect(existsSync(`${folder}/few.one`)).toBe(false), { timeout: 60_000 })
  })

  test('is refused with other settings, and dies for all of its users', async () => {
    const one = await startService(parseService(shared('same')))
    const different = startService(parseService({ ...shared('same'), argv: shell('exec sleep 1000') }))
    expect(await refusal(different)).toMatchObject({ code: 'SERVICE_SHARED_DIFFERS' })
    const two = await startService(parseService(shared('same')))
    process.kill(one.pid, 'SIGKILL')
    expect((await Promise.all([one.died, two.died])).map((d) => d.code)).toEqual([
      'SERVICE_DIED',
      'SERVICE_DIED',
    ])
    rmSync(`${folder}/same.one`, { recursive: true })
    const next = await startService(parseService(shared('same')))
    expect(next.pid).not.toBe(one.pid)
    await next[Symbol.asyncDispose]()
  })

  test('a killed supervisor is followed by a new one, once what it left has gone', async () => {
    const spec = parseService({ ...shared('orphan'), argv: shell('setsid sleep 1000 & echo ready; wait') })
    const one = await startService(spec)
    const supervisor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${one.pid}/status`, 'utf8'))?.[1])
    process.kill(supervisor, 'SIGKILL')
    const two = await startService(spec)
    expect(two.pid).not.toBe(one.pid)
    expect(await one.died).toMatchObject({ code: 'SERVICE_NOT_SUPERVISED' })
    expect([isAlive(one.pid), isAlive(two.pid)]).toEqual([false, true])
    await two[Symbol.asyncDispose]()
  })

  test('eight processes that come and are killed at any time: never two, and none is left', async () => {
    const pids = new Set<number>()
    // A fixed sequence of choices: which one goes, and how.
    let seed = 7
    const random = (below: number) => {
      seed = (seed * 1103515245 + 12345) % 2 ** 31
      return Math.floor((seed / 2 ** 31) * below)
    }
    let users: Awaited<ReturnType<typeof user>>[] = []
    for (let round = 0; round < 2; round++) {
      users = await Promise.all(Array.from({ length: 8 }, () => user(shared('many'))))
      // Some are killed while they join.
      users[random(8)]?.child.kill('SIGKILL')
      const seen = await Promise.all(
        users.map(({ isIn, ended }) => Promise.race([isIn, ended.then(() => undefined)])),
      )
      for (const one of seen) if (one?.pid !== undefined) pids.add(one.pid)
      const there = [...pids].filter(isAlive)
      expect(there).toHaveLength(1)
      while (users.length > (round === 1 ? 0 : 1)) {
        const [gone] = users.splice(random(users.length), 1)
        if (random(2) === 0) gone?.child.kill('SIGKILL')
        else gone?.child.stdin.end()
        await gone?.ended
        if (users.some((u) => u.child.exitCode === null && u.child.signalCode === null))
          expect([...pids].filter(isAlive)).toEqual(there)
      }
      for (const last of users.splice(0)) {
        last.child.kill('SIGKILL')
        await last.ended
      }
      await vi.waitFor(() => expect([...pids].filter(isAlive)).toEqual([]), { timeout: 60_000 })
      await vi.waitFor(() => expect(existsSync(`${folder}/many.one`)).toBe(false), { timeout: 60_000 })
    }
    expect(existsSync(`${folder}/many.twice`)).toBe(false)
  })
})

test('SIGKILL of the user ends a service and all that it started', async () => {
  const pidFile = join(folder, 'child')
  const one = await user({
    name: 'alone',
    argv: shell(
      `setsid sh -c 'echo $$ > "$0"; exec sleep 1000' "${pidFile}" & while [ ! -s "${pidFile}" ]; do sleep 0.01; done; echo ready; wait`,
    ),
    ready: { pattern: 'ready' },
    readyWithin: '600s',
  })
  const { pid } = await one.isIn
  one.child.kill('SIGKILL')
  await vi.waitFor(() => expect(isAlive(pid)).toBe(false), { timeout: 60_000 })
  await vi.waitFor(() => expect(isAlive(Number(readFileSync(pidFile, 'utf8')))).toBe(false), {
    timeout: 60_000,
  })
})

test.each([undefined, 'doomed'])(
  'SIGKILL of supervisor and user at once ends all that the service started (key %s)',
  async (key) => {
    const pids = ['away', 'bare'].map((name) => join(folder, `${name}-${key}`))
    const [away, bare] = pids
    const writes = (file = '') => `sh -c 'echo $$ > "$0"; exec sleep 1000' "${file}"`
    const one = await user({
      name: 'doomed',
      argv: shell(
        `setsid ${writes(away)} & env -i PATH=/usr/bin:/bin setsid --fork ${writes(bare)}; ` +
          `while [ ! -s "${away}" ] || [ ! -s "${bare}" ]; do sleep 0.01; done; echo ready; wait`,
      ),
      ready: { pattern: 'ready' },
      readyWithin: '600s',
      ...(key === undefined ? {} : { shared: key }),
    })
    const { pid, folder: own } = await one.isIn
    const left = [pid, ...pids.map((file) => Number(readFileSync(file, 'utf8')))]
    expect(left.map(isAlive)).toEqual([true, true, true])
    const supervisor = Number(/^PPid:\s+(\d+)/m.exec(readFileSync(`/proc/${pid}/status`, 'utf8'))?.[1])
    // Stopped first, so that neither of the two acts on the end of the other.
    for (const doomed of [supervisor, one.child.pid ?? 0]) process.kill(doomed, 'SIGSTOP')
    for (const doomed of [supervisor, one.child.pid ?? 0]) process.kill(doomed, 'SIGKILL')
    await vi.waitFor(() => expect(left.map(isAlive)).toEqual([false, false, false]), { timeout: 60_000 })
    await vi.waitFor(() => expect(existsSync(own)).toBe(false), { timeout: 60_000 })
  },
)
