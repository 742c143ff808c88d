import { expect, it } from 'vitest'
import { checkMeson, chooseTargets } from './build.ts'

it('says when the meson of this computer is too old for the tree', () => {
  const tree = { version: '10.0.2', minimumMeson: '1.5.0' }
  expect(checkMeson(tree, '1.0.1').map((d) => [d.code, d.what])).toEqual([
    ['QEMU_MESON_OLD', 'QEMU 10.0.2 needs meson 1.5.0, this computer has 1.0.1'],
  ])
  expect(checkMeson(tree, '1.5.0')).toEqual([])
  expect(checkMeson(tree, '1.10.0')).toEqual([])
  expect(checkMeson(tree, undefined)).toEqual([])
  expect(checkMeson({ version: '7.2.22' }, '0.1')).toEqual([])
})

it('refuses a tree that does not build what was requested', () => {
  const all = { 'qemu-system-x86_64': '/b/qemu-system-x86_64', 'qemu-img': '/b/qemu-img' }
  expect(chooseTargets(all, { architectures: ['x86_64'], isToolsOnly: false }, '8.2.1')).toEqual(all)
  const choose = (architectures: readonly string[], isToolsOnly: boolean) => () =>
    chooseTargets(all, { architectures, isToolsOnly }, '8.2.1')
  expect(choose(['x86_64', 'riscv64'], false)).toThrow(/QEMU 8.2.1 does not build qemu-system-riscv64/)
  expect(choose([], true)).toThrow(/QEMU_BUILD_INCOMPLETE.*rdmacm-mux/s)
})
