import { expect, test } from 'vitest'
import { GiB, MiB } from '../units.ts'
import { explainRegion } from './explain-region.ts'
import { mountPoint } from './operation.ts'
import { escapeUnitPath } from './unit-text.ts'

const region = { start: 1 * GiB, bytes: 256 * MiB, node: 0 }
const device = { path: '/dev/pmem0', start: region.start, bytes: region.bytes, node: 0, mode: 'memory' }
const log = '[    0.0] user: [mem 0x0000000040000000-0x000000004fffffff] persistent (type 12)\n'
const kernel = { commandLine: 'ro memmap=256M!1G', log, devices: [device] }
const codes = (changed: Partial<typeof kernel> = {}, of = region) =>
  explainRegion(of, { ...kernel, ...changed }).diagnostics.map((d) => d.code)

test('what the kernel made of it, by its output', () => {
  expect(explainRegion(region, kernel)).toMatchObject({
    state: 'ready',
    device: { path: '/dev/pmem0' },
    evidence: ['user: [mem 0x0000000040000000-0x000000004fffffff] persistent (type 12)'],
  })
  expect(codes({ commandLine: 'ro' })).toEqual(['PMEM_REBOOT_DUE'])
  expect(codes({ devices: [] })).toEqual(['PMEM_DEVICE_MISSING'])
  expect(codes({ devices: [{ ...device, node: 1 }] })).toEqual(['PMEM_ELSEWHERE'])
  expect(codes({ devices: [{ ...device, mode: 'raw' }] })).toEqual(['PMEM_NO_DAX'])
  const complaint =
    '[ 6.5] nd_pmem namespace0.0: [mem 0x03830000-0x10ffffff flags 0x200] misaligned, unable to map\n'
  expect(codes({ devices: [], log: log + complaint })).toEqual(['PMEM_MISALIGNED'])
  expect(codes({ devices: [], log: log.replace('4fffffff', '4effffff') + complaint })).toEqual(['PMEM_CUT'])
})

test('where addresses are hidden, the only device of its size is it', () => {
  const { start: _, ...hidden } = device
  expect(explainRegion(region, { ...kernel, devices: [hidden] }).state).toBe('ready')
  expect(explainRegion(region, { ...kernel, devices: [hidden, hidden] }).state).toBe('failed')
})

test('mount points, and the names of their units', () => {
  expect(mountPoint('/mnt/node{node}/{index}/', { ...region, node: 1 }, 2)).toBe('/mnt/node1/2')
  expect(['/mnt/pmem0', '/mnt/a-b', '/mnt/ü', '/.x', '/'].map(escapeUnitPath)).toEqual([
    'mnt-pmem0',
    'mnt-a\\x2db',
    'mnt-\\xc3\\xbc',
    '\\x2ex',
    '-',
  ])
})
