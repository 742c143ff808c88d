import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Channel } from '../machine/device.ts'
import { openChannels } from './channels.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-channels-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const CHANNELS: readonly Channel[] = [
  { id: 'console', purpose: 'console', label: 'console' },
  { id: 'shell', purpose: 'shell', label: 'shell' },
  { id: 'com2', purpose: 'log', label: 'serial 1' },
  { id: 'data', purpose: 'bulk', label: 'data' },
]

function opened() {
  const streams = new Map(['shell', 'com2', 'data'].map((id) => [id, new PassThrough()]))
  return { streams, channels: openChannels(CHANNELS, { channels: streams, piped: new Map() }, folder) }
}

test('a log is kept from the start, also when it is not read', async () => {
  const { streams, channels } = opened()
  streams.get('com2')?.write('unasked\n')
  await expect(channels.open('com2').expect('unasked')).resolves.toMatchObject({ text: 'unasked' })
  channels.end(() => 'it ended')
  expect(readFileSync(join(folder, 'channels/com2.log'), 'utf8')).toBe('unasked\n')
})

test('bulk data waits for its reader', async () => {
  const { streams, channels } = opened()
  streams.get('data')?.write('early ')
  expect(streams.get('data')?.readableFlowing).toBeNull()
  const bytes: Buffer[] = []
  const data = channels.open('data')
  data.onChunk((chunk) => bytes.push(chunk))
  streams.get('data')?.write('late')
  await data.expect('late')
  expect(Buffer.concat(bytes).toString()).toBe('early late')
})

test('who waits is told the end, also who asks after it', async () => {
  const { channels } = opened()
  const waiting = expect(channels.open('com2').expect('never')).rejects.toMatchObject({
    code: 'CONSOLE_ENDED',
  })
  channels.end(() => 'the guest powered off')
  await waiting
  await expect(channels.open('data').expect('never')).rejects.toThrow('the guest powered off')
})

test('other ids are refused, those of the command channel and the console too', () => {
  const { channels } = opened()
  for (const id of ['nothing', 'shell', 'console'])
    expect(() => channels.open(id)).toThrow(`there is no channel "${id}"; there are: com2, data`)
})
