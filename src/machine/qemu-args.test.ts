import { expect, it } from 'vitest'
import { bringsBootMedium, readQemuArgs, withoutOptions } from './qemu-args.ts'

const read = (...words: readonly string[]) =>
  readQemuArgs(words).map(({ name, head, keys, index }) => [index, name, head, Object.fromEntries(keys)])

it('reads options with and without a value, and with one dash or two', () => {
  expect(read('-snapshot', '--device', 'a,id=x', '-s', 'disk.img')).toEqual([
    [0, 'snapshot', undefined, {}],
    [1, 'device', 'a', { '': 'a', id: 'x' }],
    [3, 's', undefined, {}],
    [4, 'hda', 'disk.img', { '': 'disk.img' }],
  ])
})

it('reads a doubled comma as one, and JSON as QEMU takes it', () => {
  expect(read('-drive', 'file=a,,b,,,if=none,id=d')).toEqual([
    [0, 'drive', 'a,b,', { file: 'a,b,', if: 'none', id: 'd' }],
  ])
  expect(read('-device', '{"driver":"x","id":"y","a":{"b":1}}', '-object', '{"qom-type":"t"}')).toEqual([
    [0, 'device', 'x', { driver: 'x', id: 'y', 'a.b': '1' }],
    [2, 'object', 't', { 'qom-type': 't' }],
  ])
  expect(read('-device', '{not JSON')).toEqual([[0, 'device', undefined, {}]])
})

it('takes options away with their values', () => {
  expect(withoutOptions(['-d', 'int', '-s', '-D', 'f', '-device', 'd'], ['d', 'D'])).toEqual([
    '-s',
    '-device',
    'd',
  ])
})

it('knows what firmware can boot', () => {
  expect(bringsBootMedium(['-cdrom', 'x.iso'])).toBe(true)
  expect(bringsBootMedium(['-fda', 'x'])).toBe(true)
  expect(bringsBootMedium(['x.img'])).toBe(true)
  expect(bringsBootMedium(['-device', 'virtio-rng-pci', '-d', 'int'])).toBe(false)
})
