import { appendFileSync, chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { memoryFile, RACK_FILE, type RackRecord, readRack } from './rack-record.ts'
import { FILES, FORMAT, sealOf } from './record.ts'

/** A rack without guests, whose memory has the content. */
function savedRack() {
  const folder = mkdtempSync(join(tmpdir(), 'bringup rack state '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const memory = join(folder, memoryFile(0))
  writeFileSync(memory, 'content', { mode: 0o600 })
  const record: RackRecord = {
    format: FORMAT,
    key: 'filled',
    rack: 'pair',
    made: new Date(0).toISOString(),
    guests: [],
    networks: ['lan'],
    memories: [{ resource: 'window', name: memoryFile(0), seal: sealOf(memory) }],
    keepsFrames: true,
    frames: { lan: [{ to: 'server/lan', afterMs: 0, bytes: 'AAAA' }] },
    bytes: 4096,
  }
  const write = (content: object) =>
    writeFileSync(join(folder, RACK_FILE), JSON.stringify(content), { mode: 0o600 })
  write(record)
  return { folder, memory, record, write }
}

test('is read as it was written, and not where it has no record', () => {
  const { folder, record } = savedRack()
  expect(readRack(folder)).toEqual({ record, guests: [] })
  rmSync(join(folder, RACK_FILE))
  expect(readRack(folder)).toBeUndefined()
})

test('is not used with a memory that was changed, opened to others or removed', () => {
  const { folder, memory } = savedRack()
  appendFileSync(memory, 'more')
  expect(readRack(folder)).toContain('was changed after it was saved')
  chmodSync(memory, 0o644)
  expect(readRack(folder)).toContain('is open to other users')
  rmSync(memory)
  expect(readRack(folder)).toContain('is missing')
})

test('is not used without the state of a guest, or with an unknown record', () => {
  const { folder, record, write } = savedRack()
  write({ ...record, guests: [{ name: 'server', sha256: '' }] })
  expect(readRack(folder)).toContain('guest "server"')
  mkdirSync(join(folder, 'guest-0'), { mode: 0o700 })
  expect(readRack(folder)).toContain('guest "server"')
  write({ ...record, format: 0 })
  expect(readRack(folder)).toContain('is not a record that this version can read')
})

test('is not used under another name, or beside the record of a guest', () => {
  const { folder, record } = savedRack()
  expect(readRack(folder, 'filled')).toEqual({ record, guests: [] })
  expect(readRack(folder, 'other')).toContain('is the record of another state, filled')
  writeFileSync(join(folder, FILES.record), '{}', { mode: 0o600 })
  expect(readRack(folder, 'filled')).toContain('has the record of a guest besides that of a rack')
})
