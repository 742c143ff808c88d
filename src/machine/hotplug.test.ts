import { expect, test } from 'vitest'
import { MiB } from '../units.ts'
import type { Facts } from './facts.ts'
import { deviceIds, parseDevice, planPlug, withDevice, withoutDevice } from './hotplug.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from './machine.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 34, accelerators: [] }
const machineOf = (input: MachineInput) => parseMachine('m', input)
const roomy = machineOf({
  memory: { size: '64M', hotplug: { size: '32M', slots: 2 } },
  devices: [{ kind: 'nvdimm', size: '16M' }],
})
const codes = (machine = roomy, device: object = { kind: 'nvdimm', size: '16M' }) => {
  const more = withDevice(machine, parseDevice(device as never), 'm')
  return planPlug(more, facts, 'm')
    .diagnostics.filter((d) => d.severity === 'error')
    .map((d) => d.code)
}

test('the room comes on top of the devices, and brings nvdimm=on without any', () => {
  const { args } = compileMachine(
    machineOf({ memory: { size: '64M', hotplug: { size: '32M' } } }),
    facts,
    'm',
  )
  expect(args.filter(([flag]) => flag === '-m' || flag === '-machine')).toEqual([
    ['-machine', 'q35,nvdimm=on'],
    ['-m', '64M,slots=1,maxmem=96M'],
  ])
  expect(compileMachine(roomy, facts, 'm').args).toContainEqual(['-m', '64M,slots=3,maxmem=112M'])
})

test('a plugged NVDIMM is what it would have been from the start, and gets the next name', () => {
  const more = withDevice(roomy, parseDevice({ kind: 'nvdimm', size: '16M', label: '128K' }), 'm')
  const { id, plug, diagnostics } = planPlug(more, facts, 'm')
  expect(diagnostics.filter((d) => d.severity === 'error')).toEqual([])
  expect([id, plug?.object, plug?.device]).toEqual([
    'nvdimm1',
    expect.objectContaining({
      type: 'memory-backend-file',
      id: 'nvdimm1-memory',
      size: 16 * MiB + 128 * 1024,
    }),
    expect.objectContaining({
      type: 'nvdimm',
      id: 'nvdimm1',
      memdev: 'nvdimm1-memory',
      'label-size': 131072,
    }),
  ])
})

test('slots and room are those that the machine was started with', () => {
  expect(codes()).toEqual([])
  expect(codes(roomy, { kind: 'nvdimm', size: '48M' })).toEqual(['HOTPLUG_NO_ROOM'])
  const full = [0, 1].reduce((m) => withDevice(m, parseDevice({ kind: 'nvdimm', size: '4M' }), 'm'), roomy)
  expect(codes(full, { kind: 'nvdimm', size: '4M' })).toEqual(['HOTPLUG_NO_ROOM'])
  expect(codes(machineOf({}))).toContain('HOTPLUG_NO_ROOM')
  expect(codes(roomy, { kind: 'nvdimm', size: '16M', label: '4K' })).toEqual(['NVDIMM_LABEL_TOO_SMALL'])
  expect(codes(roomy, { kind: 'watchdog' })).toEqual(['HOTPLUG_UNSUPPORTED'])
})

test('taking one away leaves the names of the others', () => {
  const two = withDevice(roomy, parseDevice({ kind: 'nvdimm', size: '4M' }), 'm')
  expect(deviceIds(two)).toEqual(['nvdimm0', 'nvdimm1'])
  expect(deviceIds(withoutDevice(two, 'nvdimm0'))).toEqual(['nvdimm1'])
})

test('room is said in one way', () => {
  const twice = machineOf({ memory: { size: '64M', slots: 2, hotplug: { size: '32M' } } })
  expect(checkMachine(twice, facts, 'm').map((d) => d.code)).toContain('MEMORY_HOTPLUG_TWICE')
})
