import { expect, test } from 'vitest'
import { machines } from './machines.ts'

const pm0 = { kind: 'nvdimm', id: 'pm0', size: '128M' } as const

test.each(
  machines({
    machine: { memory: '64M', devices: [pm0] },
    over: { numa: [1, 2], 'devices.pm0': [false, { ...pm0, size: '1G' }] },
    except: [{ numa: 2, 'devices.pm0': false }],
  }),
)('lays the values of $label over the machine', ({ values, machine }) => {
  expect(machine).toMatchObject({ memory: '64M', numa: values.numa })
  expect(machine.devices).toEqual(values['devices.pm0'] === false ? [] : [{ ...pm0, size: '1G' }])
})

test('changes one key of a device, and refuses one that is not there', () => {
  const found = machines({ machine: { devices: [pm0] }, over: { 'devices.pm0.size': ['256M'] } })
  expect(found[0]?.machine.devices).toEqual([{ ...pm0, size: '256M' }])
  expect(() => machines({ over: { 'devices.pm1.size': ['1G'] } })).toThrow(/SWEEP_DEVICE_UNKNOWN/)
  expect(() => machines({ over: { numa: [1, 1] } })).toThrow(/SWEEP_VALUE_TWICE/)
})
