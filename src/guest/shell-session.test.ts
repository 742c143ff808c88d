import { PassThrough } from 'node:stream'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, test } from 'vitest'
import { Session } from './shell-session.ts'

function record(input: Uint8Array | AsyncIterable<Uint8Array>) {
  const sent: (readonly [string, string])[] = []
  const session = new Session((type, payload) => sent.push([type, Buffer.from(payload ?? []).toString()]), {
    input,
  })
  session.start('R', Buffer.from('request'))
  return { session, sent }
}

const exit = Buffer.alloc(8)

describe('a session whose input is a stream', () => {
  test('sends what comes when it comes, and its end', async () => {
    const stream = new PassThrough()
    const { session, sent } = record(stream)
    stream.write('one')
    await setImmediate()
    expect(sent).toEqual([
      ['R', 'request'],
      ['I', 'one'],
    ])
    stream.end('two')
    await setImmediate()
    await setImmediate()
    expect(sent.slice(2)).toEqual([
      ['I', 'two'],
      ['I', ''],
    ])
    expect(session.take('X', exit)).toBe(true)
    expect(await session.end).toMatchObject({ code: 0, errno: 0 })
  })

  test('sends nothing after the command has ended, and gives the stream up', async () => {
    const stream = new PassThrough()
    const { session, sent } = record(stream)
    session.take('X', exit)
    stream.write('late')
    await setImmediate()
    await setImmediate()
    expect(sent).toEqual([['R', 'request']])
    expect(stream.destroyed).toBe(true)
  })

  test('a stream that breaks off ends the input', async () => {
    const stream = new PassThrough()
    const { sent } = record(stream)
    await setImmediate()
    stream.destroy(new Error('gone'))
    await setImmediate()
    await setImmediate()
    expect(sent.at(-1)).toEqual(['I', ''])
  })
})
