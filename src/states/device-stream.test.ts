import { expect, test } from 'vitest'
import { listedBlocks, ramPart, UnknownStream, withDevices } from './device-stream.ts'

const word = (value: number) => {
  const bytes = Buffer.alloc(4)
  bytes.writeUInt32BE(value)
  return bytes
}
const long = (value: number) => Buffer.concat([word(Math.floor(value / 2 ** 32)), word(value % 2 ** 32)])
const text = (value: string) => Buffer.concat([Buffer.from([value.length]), Buffer.from(value)])
const byte = (value: number) => Buffer.from([value])
const header = Buffer.from('QEVM\0\0\0\x03', 'latin1')
const footer = Buffer.concat([byte(0x7e), word(2)])

/** As QEMU 7.2 writes it, with one page of firmware. */
const stream = (block: string, kind = 0x08) =>
  Buffer.concat([
    header,
    ...[byte(7), word(3), Buffer.from('q35')],
    ...[byte(5), text('configuration/capabilities'), word(1), word(1), text('x-ignore-shared')],
    ...[byte(1), word(2), text('ram'), word(0), word(4)],
    ...[long(0x3000 | 0x04), text('ram'), long(0x2000), long(0), text(block), long(0x1000), long(0xffff0000)],
    ...[long(0x10), footer],
    ...[byte(2), word(2), long(kind), text(block), Buffer.alloc(4096, 0xaa)],
    ...[long(0x1000 | 0x20 | 0x02), byte(0), long(0x10), footer],
    ...[byte(3), word(2), long(0x10), footer],
  ])
const devices = (name: string) => Buffer.concat([byte(4), word(0), text(name), word(0), word(2), byte(0)])
const inFiles = new Set(['ram'])

test('takes RAM from one stream and devices from another', () => {
  const ram = ramPart(Buffer.concat([stream('pc.bios'), devices('old')]), inFiles)
  expect(ram).toEqual(stream('pc.bios'))
  const made = withDevices(ram, Buffer.concat([header, devices('new')]))
  expect(made).toEqual(Buffer.concat([stream('pc.bios'), devices('new')]))
  expect(ramPart(made, inFiles)).toEqual(ram)
})

test('refuses memory that a guest can write, pages it does not know, and streams that end early', () => {
  expect(() => ramPart(stream('vga.vram'), inFiles)).toThrow('a block vga.vram')
  expect(() => ramPart(stream('pc.bios'), new Set())).toThrow('a block ram')
  expect(() => ramPart(stream('pc.bios', 0x40), inFiles)).toThrow(UnknownStream)
  expect(() => ramPart(stream('pc.bios').subarray(0, 200), inFiles)).toThrow('it ends early')
  expect(() => ramPart(Buffer.from('something else'), inFiles)).toThrow(UnknownStream)
  expect(() => withDevices(stream('pc.bios'), Buffer.from('something else'))).toThrow(UnknownStream)
})

test('lists the blocks of a stream by its beginning, with the places of their addresses', () => {
  const all = stream('0000:00:02.0/window-memory')
  const found = listedBlocks(all.subarray(0, 200))
  expect(found).toMatchObject([
    { name: 'ram', backend: 'ram', bytes: 0x2000 },
    { name: '0000:00:02.0/window-memory', backend: 'window-memory', bytes: 0x1000 },
  ])
  expect(found.map(({ addressAt }) => all.readBigUInt64BE(addressAt))).toEqual([0n, 0xffff0000n])
  expect(ramPart(all, new Set(['ram', 'window-memory']))).toEqual(all)
  expect(() => listedBlocks(all.subarray(0, 100))).toThrow('it ends early')
  expect(() => listedBlocks(Buffer.concat([header, devices('cpu')]))).toThrow(UnknownStream)
})
