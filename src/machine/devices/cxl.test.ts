import { expect, test } from 'vitest'
import { fileFact, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { MiB } from '../../units.ts'
import type { QemuCapabilities } from '../facts.ts'
import type { GuestView } from '../guest-view.ts'
import { cxl } from './cxl.ts'

const withProperties = (...properties: readonly string[]): World => ({
  facts: {
    qemu: {
      path: 'qemu',
      version: [7, 2, 22],
      properties: { 'cxl-type3': properties },
    } as unknown as QemuCapabilities,
  },
})
const old = withProperties('memdev', 'lsa', 'sn')
const young = withProperties('memdev', 'persistent-memdev', 'volatile-memdev', 'lsa', 'sn')
const codes = (description: Record<string, unknown>, world?: World) =>
  one(cxl, { size: '256M', ...description }, world).codes()
const lines = (description: Record<string, unknown>, world?: World) =>
  (one(cxl, { size: '256M', ...description }, world).compile().lastArgs ?? []).map((arg) => arg.join(' '))

test('is a bridge, a port, memory and labels in files, and a window as large as the memory', () => {
  const { compile, paths } = one(cxl, { size: '256M' }, old)
  const store = '.bringup/stores/tiny/cxl0.img'
  expect(paths()).toEqual([store, `${store}.labels`])
  expect(compile()).toEqual({
    machineOptions: { cxl: 'on', 'cxl-fmw.0.targets.0': 'cxl0-bridge', 'cxl-fmw.0.size': '268435456' },
    lastArgs: [
      ['-device', 'pxb-cxl,id=cxl0-bridge,bus=pcie.0,bus_nr=32'],
      ['-device', 'cxl-rp,id=cxl0-port,bus=cxl0-bridge,port=0,chassis=0,slot=1'],
      // Without a second port a Linux guest would not program the bridge.
      ['-device', 'cxl-rp,id=cxl0-spare,bus=cxl0-bridge,port=1,chassis=0,slot=1032'],
      ['-object', `memory-backend-file,id=cxl0-memory,mem-path=${store},size=268435456,share=on`],
      ['-object', `memory-backend-file,id=cxl0-labels,mem-path=${store}.labels,size=131072,share=on`],
      ['-device', 'cxl-type3,id=cxl0,bus=cxl0-port,memdev=cxl0-memory,sn=1,lsa=cxl0-labels'],
    ],
    files: [
      { kind: 'create-sparse', path: store, bytes: 256 * MiB },
      { kind: 'create-sparse', path: `${store}.labels`, bytes: 128 * 1024 },
    ],
    locks: [
      { path: store, mode: 'exclusive' },
      { path: `${store}.labels`, mode: 'exclusive' },
    ],
    stores: [
      { path: store, device: 'cxl0', size: 256 * MiB, label: 0 },
      { path: `${store}.labels`, device: 'cxl0', size: 128 * 1024, label: 0 },
    ],
  })
})

test('the property has the name that this QEMU knows', () => {
  expect(lines({ backing: 'ram' }, old).at(-1)).toContain(',memdev=cxl0-memory,')
  expect(lines({ backing: 'ram' }, young).at(-1)).toContain(',persistent-memdev=cxl0-memory,')
  expect(lines({ type: 'volatile' }, young)).toEqual([
    '-device pxb-cxl,id=cxl0-bridge,bus=pcie.0,bus_nr=32',
    '-device cxl-rp,id=cxl0-port,bus=cxl0-bridge,port=0,chassis=0,slot=1',
    '-device cxl-rp,id=cxl0-spare,bus=cxl0-bridge,port=1,chassis=0,slot=1032',
    '-object memory-backend-ram,id=cxl0-memory,size=268435456',
    '-device cxl-type3,id=cxl0,bus=cxl0-port,volatile-memdev=cxl0-memory,sn=1',
  ])
})

test('devices that name a bridge share it and its window, and every bus has its number', () => {
  const [a, b, c] = machineWith([
    [cxl, { size: '256M', backing: 'ram', bridge: 'left' }],
    [cxl, { size: '512M', backing: 'ram' }],
    [cxl, { size: '256M', backing: 'ram', bridge: 'left' }],
  ])
  const args = (d: typeof a) => d?.compile().lastArgs?.map((x) => x.join(' ')) ?? []
  expect(
    [...args(a), ...args(b), ...args(c)].filter((l) => l.includes('pxb-cxl') || l.includes('cxl-rp')),
  ).toEqual([
    '-device pxb-cxl,id=left-bridge,bus=pcie.0,bus_nr=32',
    '-device cxl-rp,id=cxl0-port,bus=left-bridge,port=0,chassis=0,slot=1',
    '-device pxb-cxl,id=cxl1-bridge,bus=pcie.0,bus_nr=35',
    '-device cxl-rp,id=cxl1-port,bus=cxl1-bridge,port=0,chassis=0,slot=3',
    '-device cxl-rp,id=cxl1-spare,bus=cxl1-bridge,port=1,chassis=0,slot=1035',
    '-device cxl-rp,id=cxl2-port,bus=left-bridge,port=1,chassis=0,slot=2',
  ])
  expect({ ...a?.compile().machineOptions, ...b?.compile().machineOptions }).toEqual({
    cxl: 'on',
    'cxl-fmw.0.targets.0': 'left-bridge',
    'cxl-fmw.0.size': `${512 * MiB}`,
    'cxl-fmw.1.targets.0': 'cxl1-bridge',
    'cxl-fmw.1.size': `${512 * MiB}`,
  })
})

test.each([
  [{}, []],
  [{ size: 0 }, ['CXL_SIZE_ZERO']],
  [{ size: '300M' }, ['CXL_SIZE_NOT_CAPACITY']],
  [{ label: 0 }, ['CXL_LABEL_ZERO']],
  [{ window: '300M' }, ['CXL_WINDOW_NOT_CAPACITY']],
  [{ window: 0 }, ['CXL_WINDOW_NOT_CAPACITY']],
  [{ size: '512M', window: '256M' }, ['CXL_WINDOW_TOO_SMALL']],
  [{ type: 'volatile' }, ['CXL_VOLATILE_UNSUPPORTED']],
  [{ share: false }, ['BACKING_NOT_KEPT']],
])('%j is %j', (description, expected) => {
  expect(codes(description, old)).toEqual(expected)
})

test('what depends on the rest of the machine', () => {
  expect(codes({}, { machine: { type: 'pc' } })).toEqual(['CXL_NEEDS_Q35'])
  expect(codes({ type: 'volatile', label: '128K' }, young)).toEqual([])
  expect(codes({ type: 'volatile' })).toEqual([])
  const all = (count: number, more: (i: number) => object) =>
    machineWith(
      Array.from({ length: count }, (_, i) => [cxl, { size: '256M', backing: 'ram', ...more(i) }]),
    ).map((d) => d.codes())
  expect(all(17, () => ({})).flat()).toEqual([])
  expect(all(18, () => ({})).flat()).toEqual(['CXL_BRIDGES_TOO_MANY'])
  expect(all(32, () => ({ bridge: 'b' })).flat()).toEqual([])
  expect(all(33, () => ({ bridge: 'b' })).flat()).toEqual(['CXL_BRIDGE_FULL'])
  expect(all(2, () => ({ bridge: 'b', window: '512M' }))).toEqual([[], ['CXL_WINDOW_TWICE']])
  expect(all(2, (i) => ({ bridge: 'b', ...(i === 1 ? { window: '256M' } : {}) }))).toEqual([
    ['CXL_WINDOW_TOO_SMALL'],
    [],
  ])
})

test('the label area has a file of its own, with rules of its own', () => {
  const memory = fileFact('c.img', { bytes: 256 * MiB })
  const files = [memory, fileFact('c.img.labels', { bytes: 4096 })]
  const found = one(cxl, { size: '256M', file: 'c.img' }, { files }).check()
  expect(found.map((d) => [d.code, d.path])).toEqual([['BACKING_FILE_SMALLER', 'devices[0].label']])
})

test('the guest must see the memory on its bus, its kind, and the window of its bridge', () => {
  const { mustSee } = one(cxl, { size: '256M' })
  const view: GuestView = {
    pci: [{ address: '21:00.0', vendor: '8086', device: '0d93', class: '0502' }],
    cxl: {
      hostBridges: [{ uid: 32, version: 1 }],
      windows: [{ start: 0, bytes: 512 * MiB, targets: [32] }],
      memories: [{ address: '21:00.0', bytes: 256 * MiB, volatileBytes: 256 * MiB }],
    },
  }
  expect(mustSee().map(({ aspect, want, see }) => [aspect, want, see(view)])).toEqual([
    ['PCI function', '8086:0d93', '8086:0d93'],
    ['size', '256M', '256M'],
    ['type', 'persistent', 'volatile'],
    ['window', '256M of host bridge 32', '512M of host bridge 32'],
  ])
  expect(mustSee().map(({ see }) => see({}))).toEqual(Array(4).fill(undefined))
  expect(mustSee().map(({ see }) => see({ pci: [], cxl: { windows: [], memories: [] } }))).toEqual(
    Array(4).fill(null),
  )
})

test('what it survives: QEMU flushes nothing for it', () => {
  const answers = (description: Record<string, unknown>) =>
    one(cxl, { size: '256M', ...description })
      .persistence()
      .map((v) => v.answer)
  expect(answers({})).toEqual(['yes', 'yes', 'yes', 'not guaranteed', 'no'])
  expect(answers({ type: 'volatile' }).slice(0, 4)).toEqual(Array(4).fill('not guaranteed'))
})
