import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Argument } from '../machine/device.ts'
import { differenceOf, keyOf, keyPartsOf } from './key.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup-state-key-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

const kernel = join(home, 'kernel')
writeFileSync(kernel, 'kernel')

const plan = {
  qemu: { path: '/usr/bin/qemu-system-x86_64', version: '7.2.0' },
  profile: 'linux',
  accelerator: { name: 'tcg', because: 'asked for' },
  facts: { files: [], hostNodes: [], hostBytes: 0, qemuSha256: 'a' },
  stores: [{ path: '/a/pm0.img', device: 'pm0', size: 1, label: 0 }],
} as const
const args: readonly Argument[] = [
  ['-name', 'guest=one'],
  ['-m', '64M'],
  ['-kernel', kernel],
  ['-object', 'memory-backend-file,id=pm0-memory,mem-path=/a/pm0.img,size=1,share=on'],
]
const changed = (from: string, to: string) =>
  args.map(([flag, value]): Argument => [flag, value?.replace(from, to)] as Argument)

const roms = join(home, 'roms')
mkdirSync(roms)
writeFileSync(join(roms, 'bios.bin'), 'firmware')
const folders = { cache: home, firmware: [roms, join(home, 'missing')] }
const parts = (changes: object = {}, words: readonly Argument[] = args) =>
  keyPartsOf({ ...plan, ...changes }, words, folders)

test('the key does not depend on names or on paths of stores', () => {
  const elsewhere = { stores: [{ ...plan.stores[0], path: '/b/pm0.img' }] }
  expect(keyOf(parts(elsewhere, changed('/a/pm0.img', '/b/pm0.img')))).toBe(keyOf(parts()))
  expect(keyOf(parts({}, changed('one', 'two')))).toBe(keyOf(parts()))
})

test('the key depends on the machine, QEMU, firmware and the kernel, and the difference has a name', () => {
  const before = parts()
  const differs = (now: ReturnType<typeof parts>) => {
    expect(keyOf(now)).not.toBe(keyOf(before))
    return differenceOf(before, now)
  }
  expect(differs(parts({}, changed('64M', '65M')))).toEqual(['-m'])
  expect(differs(parts({}, [...args, ['-device', 'edu']]))).toEqual(['-device'])
  expect(differs(parts({}, args.toReversed()))).toEqual(['order of options'])
  expect(differs(parts({ facts: { ...plan.facts, qemuSha256: 'b' } }))).toEqual(['QEMU'])
  expect(differs(parts({ profile: 'other' }))).toEqual(['profile'])
  const kvm = { accelerator: { name: 'kvm', because: '' } }
  expect(differs(parts(kvm))).toEqual(['accelerator', 'CPU of this computer'])
  writeFileSync(kernel, 'another kernel')
  expect(differs(parts())).toEqual(['content of -kernel'])
  // A kernel under another path: its path is no other thing than its content.
  const other = join(roms, 'other kernel')
  writeFileSync(other, 'a third kernel')
  const moved = args.map(([flag, value]) =>
    flag === '-kernel' ? [flag, other] : [flag, value],
  ) as typeof args
  expect(differs(parts({}, moved))).toEqual(['content of -kernel'])
  writeFileSync(join(roms, 'bios.bin'), 'firmware, updated')
  expect(differs(parts())).toEqual(['firmware', 'content of -kernel'])
})
