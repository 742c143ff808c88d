import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import type { Argument } from '../machine/device.ts'
import { keyOf } from './key.ts'

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

test('the key depends on the machine, QEMU and the kernel, and not on names or paths of stores', () => {
  const key = keyOf(plan, args, home)
  const elsewhere = { ...plan, stores: [{ ...plan.stores[0], path: '/b/pm0.img' }] }
  expect(keyOf(elsewhere, changed('/a/pm0.img', '/b/pm0.img'), home)).toBe(key)
  expect(keyOf(plan, changed('one', 'two'), home)).toBe(key)
  const others = [
    keyOf(plan, changed('64M', '65M'), home),
    keyOf({ ...plan, facts: { ...plan.facts, qemuSha256: 'b' } }, args, home),
    keyOf({ ...plan, profile: 'other' }, args, home),
    keyOf({ ...plan, accelerator: { name: 'kvm', because: '' } }, args, home),
  ]
  writeFileSync(kernel, 'another kernel')
  others.push(keyOf(plan, args, home))
  expect(new Set([key, ...others]).size).toBe(6)
})
