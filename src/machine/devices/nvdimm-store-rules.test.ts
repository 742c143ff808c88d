import { expect, test } from 'vitest'
import { fileFact, flat, one, type World } from '../../../test/support/device-context.ts'
import { KiB, MiB } from '../../units.ts'
import type { FileFact, StoreRecord, StoreUse } from '../facts.ts'
import { nvdimm } from './nvdimm.ts'

const use: StoreUse = {
  machine: 'big',
  device: 'pm0',
  run: 'r1',
  beganAt: '2026-01-01T00:00:00Z',
  endedAt: '2026-01-01T00:00:09Z',
  end: 'guest-ended',
}
const record = (label: number, more: Partial<StoreRecord> = {}): StoreRecord => ({
  isOfThisFile: true,
  madeAt: '2026-01-01T00:00:00Z',
  size: 128 * MiB - label,
  label,
  uses: [use],
  ...more,
})
const store = (fact: Partial<FileFact>): World => ({
  files: [fileFact('pm.img', { bytes: 128 * MiB, tail: { kind: 'empty' }, ...fact })],
})
const LABEL = 128 * KiB
const plain = { size: '128M', file: 'pm.img' }
/** The same file, with a label area cut out of it. */
const labelled = { size: 128 * MiB - LABEL, label: '128K', file: 'pm.img' }
const codes = (description: Record<string, unknown>, world: World) =>
  one(nvdimm, description, world)
    .codes()
    .filter((code) => !code.startsWith('NVDIMM_SIZE'))

test.each<[string, Record<string, unknown>, Partial<FileFact>, readonly string[]]>([
  ['a new label over data', labelled, { tail: { kind: 'data' } }, ['NVDIMM_LABEL_HIDES_DATA']],
  [
    'a new label over a store that was used without',
    labelled,
    { record: record(0) },
    ['NVDIMM_LABEL_HIDES_DATA'],
  ],
  ['a new label over an unused store', labelled, { record: record(0, { uses: [] }) }, []],
  ['a new label over an unknown file', labelled, {}, []],
  ['a label where the labels are', labelled, { tail: { kind: 'labels', bytes: LABEL } }, []],
  [
    'a label that is written down, with data in it',
    labelled,
    { record: record(LABEL), tail: { kind: 'data' } },
    [],
  ],
  [
    'no label where the labels are',
    plain,
    { tail: { kind: 'labels', bytes: LABEL } },
    ['NVDIMM_LABEL_EXPOSED'],
  ],
  ['no label where one is written down', plain, { record: record(LABEL) }, ['NVDIMM_LABEL_EXPOSED']],
  ['another label', labelled, { tail: { kind: 'labels', bytes: 2 * LABEL } }, ['NVDIMM_LABEL_MOVED']],
  [
    'a record of another file counts for nothing',
    plain,
    { record: record(LABEL, { isOfThisFile: false }) },
    [],
  ],
  ['a record of another size counts for nothing', plain, { record: record(LABEL, { size: 64 * MiB }) }, []],
  [
    'labels count more than the record',
    plain,
    { record: record(0), tail: { kind: 'labels', bytes: LABEL } },
    ['NVDIMM_LABEL_EXPOSED'],
  ],
  [
    'a resize that was killed',
    plain,
    { record: record(0, { resizingTo: { size: 256 * MiB, label: 0 } }) },
    ['NVDIMM_RESIZE_UNFINISHED'],
  ],
  [
    'a run that was killed',
    plain,
    { record: record(0, { uses: [{ ...use, end: 'unknown' }] }) },
    ['NVDIMM_STORE_UNCLEAN'],
  ],
  ['a run that was stopped', plain, { record: record(0, { uses: [{ ...use, end: 'stopped' }] }) }, []],
])('%s', (_, description, fact, expected) => {
  expect(codes(description, store(fact))).toEqual(expected)
})

test('a DAX device gives its own alignment, and takes no other size', () => {
  const daxDevice = { name: 'dax0.0', bytes: 126 * MiB, align: 2 * MiB }
  const world = store({ kind: 'character-device', bytes: 0, daxDevice })
  const fitting = { size: '126M', file: 'pm.img' }
  expect(codes(fitting, world)).toEqual([])
  expect(flat(one(nvdimm, fitting, world).compile().args).join(' ')).toContain('align=2097152')
  expect(codes({ ...fitting, size: '128M' }, world)).toEqual(['NVDIMM_DAX_SIZE'])
  expect(codes({ ...fitting, size: 124 * MiB + 4096 }, world)).toEqual(['NVDIMM_DAX_SIZE'])
  expect(codes({ ...fitting, align: '4K' }, world)).toEqual(['NVDIMM_DAX_ALIGN'])
})

test('a label area that a store lacks does not come from growing', () => {
  const found = one(nvdimm, { ...plain, label: '128K' }, store({})).check()
  expect(found.find((d) => d.code === 'NVDIMM_FILE_SMALLER')?.remedy).toContain(
    'bringup nvdimm clone pm.img NEW --label 128K',
  )
  const smaller = one(nvdimm, { ...plain, size: '256M', label: '128K' }, store({})).check()
  expect(smaller.find((d) => d.code === 'NVDIMM_FILE_SMALLER')?.remedy).toContain('bringup nvdimm resize')
})

test('says who used it, and how that ended', () => {
  const world = store({ record: record(0, { uses: [{ ...use, end: 'killed' }] }) })
  const found = one(nvdimm, plain, world).check()
  expect(found.find((d) => d.code === 'NVDIMM_STORE_UNCLEAN')).toMatchObject({
    severity: 'note',
    what: 'pm.img was last used by big as pm0 in run r1: QEMU was killed',
  })
})
