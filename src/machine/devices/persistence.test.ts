import { expect, test } from 'vitest'
import { fileFact, one, type World } from '../../../test/support/device-context.ts'
import { MiB } from '../../units.ts'
import type { FileFact, QemuCapabilities } from '../facts.ts'
import { nvdimm } from './nvdimm.ts'

const facts = {
  qemu: { path: 'qemu', hasLibpmem: true } as unknown as QemuCapabilities,
}
const on = (fact: Partial<FileFact>): World => ({
  facts,
  files: [fileFact('pm.img', { bytes: 128 * MiB, ...fact })],
})
const disk = on({})
const dax = on({ mountOptions: ['rw', 'dax=always'] })

function answers(description: Record<string, unknown>, world: World) {
  const verdicts = one(
    nvdimm,
    { size: '128M', file: description.backing === 'ram' ? undefined : 'pm.img', ...description },
    world,
  ).persistence()
  for (const { because } of verdicts) expect(because).toMatch(/\w+ \w+ \w+/)
  return verdicts.map((v) => v.answer)
}

/** In this order: guest reboot, guest crash, QEMU killed, host power loss, visible to other machines. */
test.each<[string, Record<string, unknown>, World, readonly string[]]>([
  ['a file', {}, disk, ['yes', 'yes', 'yes', 'not guaranteed', 'no']],
  ['a shared file', { shared: true }, disk, ['yes', 'yes', 'yes', 'not guaranteed', 'yes']],
  ['a private file', { share: false }, disk, ['yes', 'not guaranteed', 'no', 'no', 'no']],
  ['RAM', { backing: 'ram' }, disk, ['yes', 'not guaranteed', 'no', 'no', 'no']],
  ['a directory', {}, on({ kind: 'directory' }), ['yes', 'not guaranteed', 'no', 'no', 'no']],
  ['a read-only file', { readonly: true }, disk, ['yes', 'yes', 'yes', 'yes', 'no']],
  ['a file on tmpfs', {}, on({ fileSystem: 'tmpfs' }), ['yes', 'yes', 'yes', 'no', 'no']],
  ['a DAX file', {}, dax, ['yes', 'yes', 'yes', 'yes', 'no']],
  ['a DAX file, pmem=off', { pmem: false }, dax, ['yes', 'yes', 'yes', 'not guaranteed', 'no']],
  ['a DAX file, share=off', { share: false }, dax, ['yes', 'not guaranteed', 'no', 'no', 'no']],
  [
    'dax=inode',
    { pmem: true },
    on({ mountOptions: ['dax=inode'] }),
    ['yes', 'yes', 'yes', 'not guaranteed', 'no'],
  ],
  [
    'DAX on another file system',
    {},
    on({ mountOptions: ['dax'], fileSystem: 'fuse' }),
    ['yes', 'yes', 'yes', 'not guaranteed', 'no'],
  ],
  [
    'a file that the kernel granted MAP_SYNC for, whatever the mount says',
    {},
    on({ mapSync: { isGranted: true, reason: '' } }),
    ['yes', 'yes', 'yes', 'yes', 'no'],
  ],
  [
    'a file that the kernel refused MAP_SYNC for, whatever the mount says',
    {},
    on({ mountOptions: ['dax=always'], mapSync: { isGranted: false, reason: 'no' } }),
    ['yes', 'yes', 'yes', 'not guaranteed', 'no'],
  ],
  ['pmem=on on a plain disk', { pmem: true }, disk, ['yes', 'yes', 'yes', 'not guaranteed', 'no']],
  [
    'a DAX device',
    {},
    on({ kind: 'character-device', fileSystem: 'devtmpfs' }),
    ['yes', 'yes', 'yes', 'yes', 'no'],
  ],
  [
    'a DAX device, pmem=off',
    { pmem: false },
    on({ kind: 'character-device' }),
    ['yes', 'yes', 'yes', 'not guaranteed', 'no'],
  ],
])('%s', (_, description, world, expected) => {
  expect(answers(description, world)).toEqual(expected)
})

test('the reasons name the conditions', () => {
  const because = (description: Record<string, unknown>, world: World) =>
    one(nvdimm, { size: '128M', file: 'pm.img', ...description }, world)
      .persistence()
      .find((v) => v.event === 'host power loss')?.because
  expect(because({}, disk)).toBe(
    'the file on ext4 is not on a DAX mount: writes wait in the host’s page cache until the host’s kernel writes them back; a DAX device or a DAX file with pmem=on would be guaranteed',
  )
  expect(because({}, dax)).toMatch(/DAX.*share=on.*pmem=on.*MAP_SYNC/)
  expect(because({ pmem: false }, dax)).toMatch(/pmem=off.*MAP_SYNC/)
})
