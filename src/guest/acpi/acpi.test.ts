import fc from 'fast-check'
import { expect, test } from 'vitest'
import { parseCedt } from './cedt.ts'
import { TABLES, tableFile } from './fixtures.ts'
import { parseHmat } from './hmat.ts'
import { parseMadt } from './madt.ts'
import { parseNfit } from './nfit.ts'
import { parseSlit } from './slit.ts'
import { parseSrat } from './srat.ts'

const PARSERS = {
  APIC: parseMadt,
  SRAT: parseSrat,
  SLIT: parseSlit,
  HMAT: parseHmat,
  NFIT: parseNfit,
  CEDT: parseCedt,
} as const
const names = Object.keys(PARSERS) as (keyof typeof PARSERS)[]
const MiB = 2 ** 20

test('MADT: CPUs that are there, and one that may come', () => {
  expect(parseMadt(tableFile('APIC'))).toEqual([
    { apicId: 0, isEnabled: true },
    { apicId: 1, isEnabled: true },
    { apicId: 2, isEnabled: false },
  ])
})

test('SRAT: nodes of CPUs and memory, the persistent range apart', () => {
  const srat = parseSrat(tableFile('SRAT'))
  expect(srat?.cpus.slice(0, 2)).toEqual([
    { apicId: 0, node: 0 },
    { apicId: 1, node: 1 },
  ])
  expect(srat?.memory.filter((m) => m.isNonVolatile)).toMatchObject([{ node: 1, bytes: 128 * MiB }])
  expect(srat?.memory.filter((m) => !m.isNonVolatile && !m.isHotPluggable && m.node === 1)).toMatchObject([
    { bytes: 256 * MiB },
  ])
})

test('SLIT', () => {
  expect(parseSlit(tableFile('SLIT'))).toEqual([
    [10, 21],
    [21, 10],
  ])
})

test('HMAT: picoseconds and bytes per second', () => {
  expect(parseHmat(tableFile('HMAT'))).toEqual([
    { initiator: 0, target: 0, hierarchy: 'memory', type: 'access-latency', value: 80_000 },
    { initiator: 0, target: 1, hierarchy: 'memory', type: 'access-latency', value: 160_000 },
    { initiator: 0, target: 0, hierarchy: 'memory', type: 'access-bandwidth', value: 10 * 2 ** 30 },
    { initiator: 0, target: 1, hierarchy: 'memory', type: 'access-bandwidth', value: 5 * 2 ** 30 },
  ])
})

test('CEDT: one host bridge, and a window of 256 MiB that leads to it', () => {
  expect(parseCedt(tableFile('CEDT'))).toEqual({
    hostBridges: [{ uid: 32, version: 1 }],
    windows: [{ start: 0x1_1000_0000, bytes: 256 * MiB, targets: [32] }],
  })
})

test('NFIT', () => {
  expect(parseNfit(tableFile('NFIT'))).toEqual([
    { handle: 1, bytes: 128 * MiB, node: 1, persistenceDomain: 'cpu', isArmed: true },
  ])
})

test.each(names)('%s: another table, or none, is not read', (name) => {
  const other = names.find((n) => n !== name) ?? 'SRAT'
  expect(PARSERS[name](tableFile(other))).toBeUndefined()
  expect(PARSERS[name](Buffer.alloc(0))).toBeUndefined()
})

test.each(names)('%s: a damaged table ends in a result, not in an error or a loop', (name) => {
  const whole = Buffer.from(TABLES[name], 'base64')
  fc.assert(
    fc.property(fc.array(fc.tuple(fc.nat(whole.length - 37), fc.nat(255)), { maxLength: 20 }), (changes) => {
      const damaged = Buffer.from(whole)
      for (const [at, value] of changes) damaged.writeUInt8(value, at + 36)
      PARSERS[name](damaged)
    }),
  )
})
