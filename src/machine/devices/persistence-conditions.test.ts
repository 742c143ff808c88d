import { expect, test } from 'vitest'
import { fileFact, one, type World } from '../../../test/support/device-context.ts'
import type { FileFact, QemuCapabilities } from '../facts.ts'
import { nvdimm } from './nvdimm.ts'

const world = (fact: Partial<FileFact>, hasLibpmem = true): World => ({
  facts: { qemu: { path: 'qemu', hasLibpmem } as unknown as QemuCapabilities },
  files: [fileFact('pm.img', fact)],
})
const granted = { mapSync: { isGranted: true, reason: 'granted' } }
const refused = { mapSync: { isGranted: false, reason: 'Operation not supported' } }

function conditions(description: Record<string, unknown>, where: World) {
  const { context, config } = one(nvdimm, { size: '128M', file: 'pm.img', ...description }, where)
  return nvdimm.persistenceConditions?.(config as never, context) ?? []
}

/** In this order: DAX, MAP_SYNC, share=on, libpmem, pmem=on. */
test.each<[string, Record<string, unknown>, World, readonly (boolean | undefined)[]]>([
  ['a DAX file', {}, world(granted), [true, true, true, true, true]],
  ['an ordinary file', {}, world(refused), [false, false, true, true, false]],
  ['a DAX file, share=off', { share: false }, world(granted), [true, true, false, true, false]],
  ['a DAX file, pmem=off', { pmem: false }, world(granted), [true, true, true, true, false]],
  ['a QEMU without libpmem', {}, world(granted, false), [true, true, true, false, false]],
  [
    'a DAX mount that could not be asked',
    {},
    world({ mountOptions: ['dax=inode'], mapSyncProblem: 'no compiler' }),
    [undefined, undefined, true, true, false],
  ],
  [
    'a mount that says dax, and a kernel that refuses',
    {},
    world({ mountOptions: ['dax=always'], ...refused }),
    [false, false, true, true, false],
  ],
  ['RAM', { backing: 'ram', file: undefined }, world({}), [false, false, false, true, false]],
  ['a directory', {}, world({ kind: 'directory' }), [false, false, true, true, false]],
])('%s', (_, description, where, expected) => {
  const found = conditions(description, where)
  expect(found.map((c) => c.isMet)).toEqual(expected)
  for (const { isMet, because, change } of found) {
    expect(because).toMatch(/\w+ \w+/)
    expect(change === undefined).toBe(isMet === true)
  }
})
