import { Duplex } from 'node:stream'
import { expect, test, vi } from 'vitest'
import { MESSAGE_BYTES } from './messages.ts'
import { relay } from './relay.ts'

/** What one end of a connection writes, the other reads. */
function pair(): readonly [Duplex, Duplex] {
  const [a, b]: Duplex[] = [0, 1].map(
    (side) =>
      new Duplex({
        read() {},
        write(chunk, _, done) {
          ends[1 - side]?.push(chunk)
          done()
        },
      }),
  )
  const ends = [a, b]
  return [a as Duplex, b as Duplex]
}

const REGISTER = 0
const MAD = 2
function message(type: 'request' | 'response', operation: number, text = ''): Buffer {
  const made = Buffer.alloc(MESSAGE_BYTES)
  made.writeInt32LE(type === 'response' ? 1 : 0, 0)
  made.writeInt32LE(operation, 4)
  made.write(text, 100)
  return made
}

function started(onAddress: (gid: Buffer, isAdded: boolean) => Promise<void> = async () => {}) {
  const [qemu, forQemu] = pair()
  const [multiplexer, forMultiplexer] = pair()
  const read = { qemu: [] as Buffer[], multiplexer: [] as Buffer[] }
  const collect = (end: Duplex, into: Buffer[]) => {
    let rest = Buffer.alloc(0)
    end.on('data', (chunk: Buffer) => {
      rest = Buffer.concat([rest, chunk])
      for (; rest.length >= MESSAGE_BYTES; rest = rest.subarray(MESSAGE_BYTES))
        into.push(Buffer.from(rest.subarray(0, MESSAGE_BYTES)))
    })
  }
  collect(qemu, read.qemu)
  collect(multiplexer, read.multiplexer)
  const ended = relay(forQemu, forMultiplexer, { onAddress })
  const texts = (of: readonly Buffer[]) =>
    of.map((one) => [one.readInt32LE(0) === 1 ? 'response' : 'request', one.toString('latin1', 100, 103)])
  return { qemu, multiplexer, read, ended, texts }
}

const until = (check: () => void) => vi.waitFor(check, { timeout: 60_000 })

test('a datagram that comes while a request is under way waits for the answer', async () => {
  const { qemu, multiplexer, read, texts } = started()
  qemu.write(message('request', MAD, 'req'))
  await until(() => expect(read.multiplexer).toHaveLength(1))
  multiplexer.write(message('request', MAD, 'rep'))
  multiplexer.write(message('response', MAD, 'req'))
  await until(() => expect(read.qemu).toHaveLength(2))
  // The datagram passes for an answer as well: QEMU may be about to make its next request.
  expect(texts(read.qemu)).toEqual([
    ['response', 'req'],
    ['response', 'rep'],
  ])
})

test('the answer to a request repeats the datagram that QEMU may have read in its place', async () => {
  const { qemu, multiplexer, read, texts } = started()
  multiplexer.write(message('request', MAD, 'rtu'))
  await until(() => expect(read.qemu).toHaveLength(1))
  qemu.write(message('request', MAD, 'req'))
  await until(() => expect(read.multiplexer).toHaveLength(1))
  const answer = message('response', MAD, 'req')
  answer.writeInt32LE(3, 24)
  multiplexer.write(answer)
  await until(() => expect(read.qemu).toHaveLength(2))
  expect(texts(read.qemu)).toEqual([
    ['response', 'rtu'],
    ['response', 'rtu'],
  ])
  // The result of the request is its own.
  expect(read.qemu.map((one) => one.readInt32LE(24))).toEqual([0, 3])
  qemu.write(message('request', MAD, 'two'))
  multiplexer.write(message('response', MAD, 'two'))
  await until(() => expect(read.qemu).toHaveLength(3))
  expect(texts(read.qemu)[2]).toEqual(['response', 'two'])
})

test('messages may come in pieces', async () => {
  const { qemu, read } = started()
  const one = message('request', MAD, 'abc')
  qemu.write(one.subarray(0, 7))
  qemu.write(Buffer.concat([one.subarray(7), one]))
  await until(() => expect(read.multiplexer).toHaveLength(2))
  expect(read.multiplexer[1]?.equals(one)).toBe(true)
})

test('a registration waits until the address is there, and one that fails is passed on all the same', async () => {
  const seen: string[] = []
  let done = () => {}
  const { qemu, read } = started(async (gid, isAdded) => {
    seen.push(`${isAdded ? '+' : '-'}${gid.toString('hex')}`)
    if (!isAdded) throw new Error('no such address')
    await new Promise<void>((resolve) => {
      done = resolve
    })
  })
  const registration = message('request', REGISTER)
  registration.write('fe80000000000000505400fffe123456', 8, 'hex')
  qemu.write(registration)
  await until(() => expect(seen).toEqual(['+fe80000000000000505400fffe123456']))
  expect(read.multiplexer).toEqual([])
  done()
  await until(() => expect(read.multiplexer).toHaveLength(1))
  registration.writeInt32LE(1, 4)
  qemu.write(registration)
  await until(() => expect(read.multiplexer).toHaveLength(2))
})
