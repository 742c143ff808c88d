import { once } from 'node:events'
import { Duplex } from 'node:stream'
import { describe, expect, expectTypeOf, test } from 'vitest'
import { startQemu } from './process.ts'
import { QmpClient, QmpEnded, QmpError } from './qmp.ts'

/** What QEMU cannot be made to do: the other end of the stream, word by word. */
function fakeQemu() {
  const sent: string[] = []
  const stream = new Duplex({
    read() {},
    write(chunk, _encoding, done) {
      sent.push(`${chunk}`)
      done()
    },
  })
  const log: [string, string][] = []
  const qmp = new QmpClient(stream, (direction, line) => log.push([direction, line]))
  const say = (text: string) => stream.push(text)
  return { qmp, sent, say, log, stream, lastId: () => (JSON.parse(sent.at(-1) ?? '{}') as { id: number }).id }
}

const GREETING = '{"QMP": {"version": {}, "capabilities": []}}\r\n'
const turn = () => new Promise((resolve) => setImmediate(resolve))

async function negotiated() {
  const fake = fakeQemu()
  fake.say(GREETING)
  await turn()
  fake.say(`{"return":{},"id":${fake.lastId()}}\n`)
  await fake.qmp.ready
  return fake
}

describe('against real QEMU', () => {
  const none = {
    qemu: { path: 'qemu-system-x86_64', version: '' },
    args: [['-machine', 'none']] as const,
    channels: [],
    locks: [],
  }

  test('commands, events and refusals', async () => {
    await using qemu = await startQemu({ plan: none })
    await qemu.ready
    const all = qemu.qmp.events()
    expect((await qemu.qmp.execute('query-version')).qemu.major).toBeGreaterThan(4)
    expect(await qemu.qmp.execute('query-status')).toMatchObject({ running: false, status: 'prelaunch' })
    const refusal = await qemu.qmp
      .execute('device-list-properties', { typename: 'no-such' })
      .catch((e: unknown) => e)
    expect(refusal).toBeInstanceOf(QmpError)
    expect(refusal).toMatchObject({ class: 'DeviceNotFound', desc: "Device 'no-such' not found" })
    const resumed = qemu.qmp.next('RESUME')
    await qemu.qmp.execute('cont')
    await resumed
    const shutdown = qemu.qmp.next('SHUTDOWN')
    await qemu.qmp.execute('quit')
    expect(await shutdown).toEqual({ guest: false, reason: 'host-qmp-quit' })
    await qemu.exited
    const names: string[] = []
    for await (const { name } of all) names.push(name)
    expect(names).toEqual(['RESUME', 'SHUTDOWN'])
    await expect(qemu.qmp.execute('query-status')).rejects.toThrow(QmpEnded)
    await expect(qemu.qmp.next('STOP')).rejects.toThrow(QmpEnded)
  })
})

describe('whatever the chunks', () => {
  test('one message in many chunks, and many messages in one', async () => {
    const { qmp, say, sent } = await negotiated()
    const answers = Promise.all([qmp.execute('query-status'), qmp.execute('query-target')])
    const stop = qmp.next('STOP')
    const [first, second] = sent.slice(-2).map((line) => (JSON.parse(line) as { id: number }).id)
    const text = `{"return":{"arch":"x"},"id":${second}}\n{"event":"STOP","timestamp":{"seconds":1,"microseconds":2}}\n{"return":{"status":"é"},"id":${first}}\n`
    say(text.slice(0, 7))
    await turn()
    say(text.slice(7, 90))
    await turn()
    say(text.slice(90))
    expect(await answers).toEqual([{ status: 'é' }, { arch: 'x' }])
    await stop
  })

  test('the tap sees every message', async () => {
    const { log } = await negotiated()
    expect(log.map(([direction]) => direction)).toEqual(['received', 'sent', 'received'])
    expect(log[1]?.[1]).toBe('{"execute":"qmp_capabilities","id":0}')
  })
})

describe('when it goes wrong', () => {
  test('the end of the stream rejects the greeting, commands and waits', async () => {
    const early = fakeQemu()
    early.say(null as never)
    await expect(early.qmp.ready).rejects.toThrow('greeting: QEMU is gone')
    const { qmp, stream } = await negotiated()
    const waits = [qmp.execute('cont'), qmp.next('STOP')]
    const closed = once(stream, 'close')
    stream.destroy()
    await closed
    for (const wait of waits) await expect(wait).rejects.toThrow(QmpEnded)
    expect(qmp.isOpen).toBe(false)
  })

  test('words that are not QMP end the connection instead of the process', async () => {
    const { qmp, say } = fakeQemu()
    say('usage: cat [FILE]\n')
    await expect(qmp.ready).rejects.toThrow('not QMP: usage: cat [FILE]')
  })

  test('a signal ends a wait, and leaves no listener', async () => {
    const { qmp, say } = await negotiated()
    const abort = new AbortController()
    const wait = qmp.next('STOP', abort.signal)
    abort.abort(new Error('enough'))
    await expect(wait).rejects.toThrow('enough')
    await expect(qmp.next('STOP', abort.signal)).rejects.toThrow('enough')
    say('{"event":"STOP"}\n')
    await turn()
    expect(qmp.isOpen).toBe(true)
  })

  test('an answer that is not awaited is ignored', async () => {
    const { qmp, say, lastId } = await negotiated()
    say('{"return":{},"id":999}\n{"error":{"class":"GenericError","desc":"no id"}}\n')
    const answer = qmp.execute('query-kvm')
    say(`{"return":{"enabled":false},"id":${lastId()}}\n`)
    expect(await answer).toEqual({ enabled: false })
  })
})

test('commands and events are typed', () => {
  type Client = QmpClient
  expectTypeOf<ReturnType<Client['next']>>().toExtend<Promise<unknown>>()
  const typed = (qmp: Client) =>
    [qmp.execute('query-target'), qmp.next('SHUTDOWN'), qmp.execute('x-other', {})] as const
  expectTypeOf(typed).returns.toEqualTypeOf<
    readonly [
      Promise<{ readonly arch: string }>,
      Promise<{ readonly guest: boolean; readonly reason: string }>,
      Promise<unknown>,
    ]
  >()
})

describe('a program that is not QEMU', () => {
  test('sends events and errors of the wrong shape, which are events and errors nevertheless', async () => {
    const { qmp, say, lastId } = await negotiated()
    const seen: unknown[] = []
    qmp.on('SHUTDOWN', (data) => seen.push(data))
    say('{"event":"SHUTDOWN","data":null,"timestamp":"now"}\n{"event":"SHUTDOWN","data":[1]}\n')
    await turn()
    expect(seen).toEqual([{}, {}])
    const refused = qmp.execute('stop').catch((e: unknown) => e)
    say(`{"error":{"desc":{"a":1}},"id":${lastId()}}\n`)
    expect(await refused).toBeInstanceOf(QmpError)
  })

  test('sends a message without an end', async () => {
    const { qmp, say } = await negotiated()
    const lost = qmp.execute('stop').catch((e: unknown) => e)
    for (let mib = 0; mib < 66 && qmp.isOpen; mib++) {
      say('x'.repeat(1 << 20))
      await turn()
    }
    expect(await lost).toBeInstanceOf(QmpEnded)
  })
})
