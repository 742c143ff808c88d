import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { parseMachine } from '../machine/machine.ts'
import { gatherFacts } from '../plan/gather.ts'
import { type RackInput, rackSchema } from './rack-schema.ts'
import { checkUnjoined } from './unjoined.ts'

const factsOf = (files: readonly string[]) => ({
  ...gatherFacts(files, { accelerators: [] }),
  hostNodes: [0],
})

function found(
  rack: Omit<RackInput, 'guests'>,
  guests: Parameters<typeof checkUnjoined>[1] = [],
  folder = '/',
) {
  const parsed = rackSchema.parse({ ...rack, guests: { a: {} } })
  return checkUnjoined(parsed, guests, factsOf, { folder, at: ['racks', 'r'] }).map(
    ({ severity, code, path }) => `${severity} ${code} ${path}`,
  )
}

test('an entry that no guest joins is checked like one that is joined', () => {
  const unjoined = 'warning RACK_MEMORY_UNJOINED racks.r.memory.window'
  const at = 'racks.r.memory.window'
  const cases = [
    [{ size: '3M' }, `error IVSHMEM_SIZE_NOT_POWER ${at}.size`],
    [{ size: '2K' }, `error IVSHMEM_SIZE_NOT_POWER ${at}.size`],
    [{ size: '1M', hugePages: '512M' }, `error IVSHMEM_HUGE_PAGES ${at}.hugePages`],
    [{ size: '1M', policy: 'bind' }, `error IVSHMEM_POLICY_WITHOUT_NODES ${at}.policy`],
    [{ size: '1M', hostNodes: [999] }, `error MEMORY_HOST_NODE_MISSING ${at}.hostNodes`],
    [{ size: '1M', file: '/nowhere/at/all' }, `error BACKING_FOLDER_MISSING ${at}.file`],
    [{ size: '1M', file: 'f', hugePages: '2M' }, `error IVSHMEM_KEYS_CLASH ${at}.hugePages`],
  ] as const
  for (const [window, finding] of cases)
    expect(found({ memory: { window } } as Omit<RackInput, 'guests'>)).toEqual([unjoined, finding])
  expect(found({ memory: { window: { size: '4M' } } })).toEqual([unjoined])
})

test('its file is relative to the project, as that of a joined one', () => {
  const folder = mkdtempSync(join(tmpdir(), 'rack, '))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  writeFileSync(join(folder, 'small.img'), 'x')
  expect(found({ memory: { window: { size: '1M', file: 'small.img' } } }, [], folder)).toEqual([
    'warning RACK_MEMORY_UNJOINED racks.r.memory.window',
    'error BACKING_FILE_SMALLER racks.r.memory.window.size',
  ])
})

test('networks without a card are named; what a guest joins is left to its own checks', () => {
  const device = { kind: 'ivshmem', id: 'w', memory: 'window', size: '3M' } as const
  const join = { id: 'n', kind: 'network', resource: 'lan', device: 'n' } as const
  const guest = { machine: parseMachine('a', { devices: [device] }), joins: [join] }
  const rack = { memory: { window: { size: '3M' } }, networks: { lan: {}, wan: {} } }
  expect(found(rack, [guest])).toEqual(['warning RACK_NETWORK_UNJOINED racks.r.networks.wan'])
})
