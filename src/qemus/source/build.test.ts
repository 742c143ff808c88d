import { expect, it } from 'vitest'
import { checkMeson } from './build.ts'

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
