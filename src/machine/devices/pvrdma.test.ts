import { expect, test } from 'vitest'
import { fileFact, flat, machineWith, one, type World } from '../../../test/support/device-context.ts'
import { pasteArgv } from '../../plan/plan.ts'
import type { RdmaFacts } from '../facts.ts'
import type { HardwareView } from '../guest-view.ts'
import { checkMachine, compileMachine, parseMachine } from '../machine.ts'
import { folder } from './folder.ts'
import { nic } from './nic.ts'
import { nvdimm } from './nvdimm.ts'
import { pvrdma } from './pvrdma.ts'

const port = {
  number: 1,
  state: 'ACTIVE',
  linkLayer: 'Ethernet',
  netdev: 'dummy0',
  mac: '02:00:00:00:00:01',
  gids: [{ index: 0, gid: 'fe80:0000:0000:0000:0000:00ff:fe00:0001' }],
  umad: '/dev/infiniband/umad0',
}
const rxe0 = { name: 'rxe0', ports: [port], uverbs: '/dev/infiniband/uverbs0' }
const host: RdmaFacts = { devices: [rxe0], managers: [], refused: [], multiplexer: '/usr/bin/rdmacm-mux' }
const shared = { memory: { share: true, prealloc: false } }
const on = (rdma: Partial<RdmaFacts> = {}, more: Partial<World> = {}): World => ({
  ...more,
  machine: { ...shared, ...more.machine },
  facts: { rdma: { ...host, ...rdma } },
})
const codes = (description: Readonly<Record<string, unknown>>, world: World = on()) =>
  one(pvrdma, description, world).codes()

test('a card at function 0, the device at function 1, the multiplexer by descriptor', () => {
  const device = one(pvrdma, { network: 'none', mac: '52:54:00:00:00:01' }, on())
  expect(flat(device.compile().args)).toEqual([
    '-device',
    'vmxnet3,id=pvrdma0-nic,mac=52:54:00:00:00:01,romfile=,addr=1e.0,multifunction=on',
    '-chardev',
    'socket,id=pvrdma0-mads,fd={fd:pvrdma0-mux-rxe0-1}',
    '-device',
    'pvrdma,id=pvrdma0,addr=1e.1,ibdev=rxe0,ibport=1,netdev=dummy0,mad-chardev=pvrdma0-mads',
  ])
  expect(device.compile().joins).toEqual([
    {
      id: 'pvrdma0-mux-rxe0-1',
      kind: 'multiplexer',
      resource: 'rxe0/1',
      device: 'pvrdma0',
      rdma: { device: 'rxe0', port: 1, interface: 'dummy0', program: '/usr/bin/rdmacm-mux' },
    },
  ])
  expect(device.codes()).toEqual([])
})

test('a pasted command connects to the socket of a multiplexer that runs by itself', () => {
  const args = one(pvrdma, { network: 'none' }, on()).compile().args ?? []
  const words = pasteArgv({ qemu: { path: 'qemu', version: '' }, args, channels: [] }).join(' ')
  expect(words).toContain('socket,id=pvrdma0-mads,path=/var/run/rdmacm-mux-rxe0-1')
})

test('the slot is the last free one, beside what the user places', () => {
  const slot = (world: World, description = {}) =>
    /addr=(\w+)\.1/.exec(flat(one(pvrdma, description, world).compile().args).join(' '))?.[1]
  expect(slot(on())).toBe('1e')
  expect(slot(on({}, { machine: { type: 'pc' } }))).toBe('1f')
  expect(slot(on({}, { machine: { qemuArgs: ['-device', 'edu,addr=1e', '-usb'] } }))).toBe('1c')
  expect(slot(on(), { slot: 0x10 })).toBe('10')
})

test('its card is one of the machine: it has a network, an address and a MAC of its own', () => {
  const [first, second] = machineWith(
    [
      [nic, { mac: '52:54:00:00:00:01' }],
      [pvrdma, { mac: '52:54:00:00:00:01', network: 'lan', address: '10.1.0.7' }],
    ],
    { ...on(), facts: { rdma: host, networks: ['lan'] } },
  )
  expect(first?.codes()).toEqual([])
  expect(second?.codes()).toEqual(['NIC_MAC_TWICE'])
  expect(second?.compile().joins?.[0]).toEqual({
    id: 'pvrdma0-nic-net',
    kind: 'network',
    resource: 'lan',
    device: 'pvrdma0-nic',
    mac: '52:54:00:00:00:01',
    address: '10.1.0.7',
  })
  expect(codes({ network: 'lan' })).toEqual(['NIC_NETWORK_UNKNOWN'])
})

test('the RAM is shared by itself, and only RAM of one kind will do', () => {
  const args = (machine: object) => {
    const parsed = parseMachine('m', { devices: [{ kind: 'pvrdma', network: 'none' }], ...machine })
    const facts = {
      ...on().facts,
      files: new Map(),
      hostNodes: [0],
      hugePages: [],
      hostBytes: 2 ** 40,
      accelerators: [],
    }
    return {
      words: flat(compileMachine(parsed, facts, 'm').args).join(' '),
      codes: checkMachine(parsed, facts, 'm').flatMap(({ path, code }) =>
        path.startsWith('devices[') ? [code] : [],
      ),
    }
  }
  expect(args({ memory: '256M' }).words).toMatch(
    /-machine q35,memory-backend=ram .*-object memory-backend-ram,id=ram,size=268435456,share=on -m 256M /,
  )
  const two = args({ memory: '256M', cpu: 2, numa: 2 })
  expect(two.words.match(/memory-backend-ram,id=node\d-ram,size=\d+,share=on/g)).toHaveLength(2)
  expect(two.codes).toEqual([])
  for (const memory of [
    { size: '256M', backend: 'memfd' },
    { size: '256M', path: '/dev/shm/m' },
  ])
    expect(args({ memory }).codes).toContain('PVRDMA_RAM_UNFIT')
  expect(args({ memory: '256M', qemuArgs: ['-object', 'memory-backend-ram,id=x,size=1M'] }).codes).toContain(
    'PVRDMA_RAM_BESIDE',
  )
  expect(
    args({ memory: '256M', qemuArgs: ['-object', 'memory-backend-ram,id=x,size=1M,share=on'] }).codes,
  ).toEqual([])
})

test('devices whose memory or daemon does not go with it', () => {
  const beside = machineWith(
    [
      [pvrdma, { network: 'none' }],
      [nvdimm, { size: '64M', backing: 'ram' }],
    ],
    on(),
  )
  expect(beside[0]?.codes()).toEqual(['PVRDMA_RAM_BESIDE'])
  const served = machineWith(
    [
      [pvrdma, { network: 'none' }],
      [folder, { path: '/f', guest: '/g', transport: 'virtiofs' }],
    ],
    on({}, { machine: { memory: { backend: 'memfd', share: true, prealloc: false } } }),
  )
  expect(served[0]?.check()[0]).toMatchObject({
    code: 'PVRDMA_RAM_UNFIT',
    remedy: 'omit `transport` of devices[1]: 9p needs no shared memory',
  })
  expect(
    machineWith(
      [
        [pvrdma, {}],
        [pvrdma, {}],
      ],
      on(),
    )[1]?.codes(),
  ).toEqual(['PVRDMA_TWICE'])
})

test('the device of this computer: there, named, of Ethernet, active', () => {
  const two = { devices: [rxe0, { ...rxe0, name: 'mlx5_0', driver: 'mlx5_core' }] }
  expect(codes({}, on({ devices: [] }))).toEqual(['PVRDMA_NO_DEVICE'])
  expect(codes({ device: 'rxe1' })).toEqual(['PVRDMA_DEVICE_UNKNOWN'])
  expect(one(pvrdma, { device: 'rxe1' }, on()).check()[0]?.what).toContain('did you mean "rxe0"?')
  expect(codes({}, on(two))).toEqual(['PVRDMA_DEVICE_OPEN'])
  expect(codes({ device: 'mlx5_0' }, on(two))).toEqual([])
  for (const number of [0, 2]) expect(codes({ port: number })).toEqual(['PVRDMA_PORT_UNKNOWN'])
  const { netdev, ...infiniband } = port
  expect(
    codes({}, on({ devices: [{ ...rxe0, ports: [{ ...infiniband, linkLayer: 'InfiniBand' }] }] })),
  ).toEqual(['PVRDMA_NOT_ETHERNET'])
  expect(codes({}, on({ devices: [{ ...rxe0, ports: [{ ...port, state: 'DOWN' }] }] }))).toEqual([
    'PVRDMA_PORT_DOWN',
  ])
  expect(codes({ mac: '02-00-00-00-00-01' })).toEqual(['PVRDMA_MAC_OF_HOST'])
})

test('what the kernel and this user must have', () => {
  const { uverbs, ...unverbed } = rxe0
  const { umad, ...unmanaged } = port
  expect(codes({}, on({ devices: [{ ...unverbed, ports: [unmanaged] }] }))).toEqual([
    'PVRDMA_NO_UVERBS',
    'PVRDMA_NO_UMAD',
  ])
  expect(codes({}, on({ refused: [port.umad, rxe0.uverbs] }))).toEqual([
    'PVRDMA_NO_ACCESS',
    'PVRDMA_NO_ACCESS',
  ])
  expect(one(pvrdma, {}, on({ managers: ['rdma_cm', 'ib_cm'] })).check()[0]).toMatchObject({
    code: 'PVRDMA_MANAGER_LOADED',
    what: 'rdma_cm and ib_cm are loaded',
  })
  const { multiplexer, ...without } = host
  expect(codes({}, { ...on(), facts: { rdma: without } })).toEqual(['PVRDMA_MULTIPLEXER_MISSING'])
})

test('a multiplexer of the user’s own', () => {
  const { multiplexer, ...without } = host
  const own = (kind: 'missing' | 'other' | 'file') => ({
    ...on(),
    facts: { rdma: { ...without, managers: ['ib_cm'] } },
    files: [fileFact('/run/mux-rxe0-1', { kind })],
  })
  const description = { multiplexer: '/run/mux-rxe0-1' }
  expect(codes(description, own('other'))).toEqual([])
  expect(codes(description, own('missing'))).toEqual(['PVRDMA_MULTIPLEXER_UNUSABLE'])
  expect(codes(description, own('file'))).toEqual(['PVRDMA_MULTIPLEXER_UNUSABLE'])
  expect(one(pvrdma, description, own('other')).compile().joins?.at(-1)?.rdma).toEqual({
    device: 'rxe0',
    port: 1,
    interface: 'dummy0',
    socket: '/run/mux-rxe0-1',
  })
})

test('what the guest must see', () => {
  const rows = one(pvrdma, { mac: '52:54:00:00:00:01', network: 'none' }, on())
    .mustSee()
    .map(({ device, aspect, want }) => [device, aspect, want])
  expect(rows).toEqual([
    ['nic pvrdma0-nic', 'PCI function', '15ad:07b0'],
    ['nic pvrdma0-nic', 'MAC', '52:54:00:00:00:01'],
    ['pvrdma pvrdma0', 'PCI function', '15ad:0820'],
    ['pvrdma pvrdma0', 'RDMA device', 'vmw_pvrdma'],
    ['pvrdma pvrdma0', 'port', 'ACTIVE'],
  ])
})

test('a guest without the driver has no device, one whose port is down has no active port', () => {
  const rows = (rdmas?: HardwareView['rdmas']) =>
    one(pvrdma, {}, on())
      .mustSee()
      .filter(({ aspect }) => aspect === 'RDMA device' || aspect === 'port')
      .map(({ see }) => see({ ...(rdmas ? { rdmas } : {}) } as HardwareView))
  const device = (state: string, name = 'vmw_pvrdma0') => [
    { name, ports: [{ port: 1, state, physicalState: '', linkLayer: 'Ethernet', gids: [] }] },
  ]
  expect(rows(device('ACTIVE'))).toEqual(['vmw_pvrdma', 'ACTIVE'])
  expect(rows(device('DOWN'))).toEqual(['vmw_pvrdma', 'DOWN'])
  expect(rows(device('ACTIVE', 'rxe0'))).toEqual([null, null])
  expect(rows([])).toEqual([null, null])
  // A profile that does not read RDMA devices.
  expect(rows()).toEqual([undefined, undefined])
})
