import { expect, test } from 'vitest'
import { flat, machineWith, one } from '../../../test/support/device-context.ts'
import { serial } from './serial.ts'

test('the first extra port is COM2, and has a log', () => {
  const { compile, mustSee } = one(serial, { id: 'trace' })
  expect(flat(compile().args)).toEqual(['-device', 'isa-serial,id=trace-port,chardev=trace,index=1'])
  expect(compile().channels).toEqual([{ id: 'trace', purpose: 'log', hasNoWait: 'both', label: 'serial 1' }])
  expect(
    mustSee().map(({ see }) => [see({ serialPorts: [0, 1] }), see({ serialPorts: [0] }), see({})]),
  ).toEqual([['COM2', null, undefined]])
})

test('a PC has four ports', () => {
  expect(machineWith([1, 2, 3, 4].map(() => [serial, {}])).map((d) => d.codes())).toEqual([
    [],
    [],
    [],
    ['SERIAL_TOO_MANY'],
  ])
})

test('ids that QEMU or bringup could not use are refused', () => {
  for (const id of ['console', 'bringup-qmp', '1st', '../x', 'a b', ''])
    expect(() => one(serial, { id }), id).toThrow('an id starts')
  for (const id of ['consoles', 'a.b_c-1']) expect(() => one(serial, { id })).not.toThrow()
})
