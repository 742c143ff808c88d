/** Random lists of devices that go together. */
import fc from 'fast-check'
import type { MachineInput } from '../../src/machine/machine.ts'

type Device = NonNullable<MachineInput['devices']>[number]
type Of<Kind extends Device['kind']> = Extract<Device, { kind: Kind }>

/** RAM and 2M alignment want even megabytes; what else they get is among the spoils. */
function whole<T extends { size: string; backing?: string; align?: string }>(wanted: T): T {
  const isEven = wanted.backing === 'ram' || wanted.align === '2M'
  return isEven ? { ...wanted, size: `${Math.ceil(Number.parseInt(wanted.size, 10) / 2) * 2}M` } : wanted
}

const nvdimm = (nodes: number): fc.Arbitrary<Of<'nvdimm'>> =>
  fc
    .record(
      {
        size: fc.constantFrom('1M', '3M', '16M', '20M', '21M', '32M', '48M', '64M'),
        backing: fc.constantFrom('file', 'ram'),
        node: nodes > 0 ? fc.integer({ min: 0, max: nodes - 1 }) : fc.constant(undefined),
        label: fc.constantFrom('128K', '256K', '1M'),
        share: fc.boolean(),
        readonly: fc.boolean(),
        unarmed: fc.boolean(),
        align: fc.constantFrom('4K', '2M'),
      },
      { requiredKeys: ['size'] },
    )
    .map(whole)
    .map((wanted): Of<'nvdimm'> => {
      const { share, readonly, align, unarmed, ...plain } = wanted
      const { backing } = plain
      if (backing === 'ram') return { kind: 'nvdimm', ...plain, unarmed }
      return { kind: 'nvdimm', ...plain, share, readonly, align, unarmed: readonly ? undefined : unarmed }
    })

const virtioPmem: fc.Arbitrary<Of<'virtio-pmem'>> = fc
  .record(
    {
      size: fc.constantFrom('2M', '6M', '16M', '1M', '12K'),
      backing: fc.constantFrom('file', 'ram'),
      share: fc.boolean(),
    },
    { requiredKeys: ['size'] },
  )
  .map(
    (wanted): Of<'virtio-pmem'> => ({
      kind: 'virtio-pmem',
      ...wanted,
      ...(wanted.backing === 'ram' ? { share: undefined } : {}),
    }),
  )

/** Without vectors: a doorbell needs the server of a run. */
const ivshmem: fc.Arbitrary<Of<'ivshmem'>> = fc
  .record(
    {
      size: fc.constantFrom('4K', '64K', '1M', '256M'),
      hostNodes: fc.constant<[number]>([0]),
      policy: fc.constantFrom('bind', 'preferred', 'interleave'),
      master: fc.boolean(),
    },
    { requiredKeys: ['size'] },
  )
  .map(
    (wanted): Of<'ivshmem'> => ({
      kind: 'ivshmem',
      ...wanted,
      ...(wanted.hostNodes === undefined ? { policy: undefined } : {}),
    }),
  )

/** One of two bridges, or one of its own; a window is set only on a bridge of its own. */
const cxl: fc.Arbitrary<Of<'cxl'>> = fc
  .record(
    {
      size: fc.constantFrom('256M', '512M'),
      backing: fc.constantFrom('file', 'ram'),
      label: fc.constantFrom('128K', '1M'),
      bridge: fc.constantFrom('left', 'right'),
      window: fc.constantFrom('512M', '2G'),
    },
    { requiredKeys: ['size'] },
  )
  .map(
    (wanted): Of<'cxl'> => ({
      kind: 'cxl',
      ...wanted,
      ...(wanted.bridge === undefined ? {} : { window: undefined }),
    }),
  )

const disk: fc.Arbitrary<Of<'disk'>> = fc
  .record(
    {
      size: fc.constantFrom('1M', '8M', '64M'),
      bus: fc.constantFrom('virtio', 'nvme', 'ide'),
      readonly: fc.boolean(),
      serial: fc.constantFrom('S1', 'a,b=c'),
    },
    { requiredKeys: ['size'] },
  )
  .map(
    (wanted): Of<'disk'> => ({
      kind: 'disk',
      ...wanted,
      ...(wanted.bus === 'ide' ? { readonly: undefined } : {}),
    }),
  )

const nic: fc.Arbitrary<Of<'nic'>> = fc
  .record(
    {
      model: fc.constantFrom('virtio-net-pci', 'e1000', 'e1000e', 'vmxnet3'),
      network: fc.constantFrom('user', 'none'),
      forwards: fc.constantFrom([':22'], [':22', 'udp:-:53']),
    },
    { requiredKeys: [] },
  )
  .map(
    (wanted): Of<'nic'> => ({
      kind: 'nic',
      ...wanted,
      ...(wanted.network === 'none' ? { forwards: undefined } : {}),
    }),
  )

const serial: fc.Arbitrary<Of<'serial'>> = fc.constant({ kind: 'serial' })

const virtioConsole: fc.Arbitrary<Of<'virtio-console'>> = fc.constantFrom(
  { kind: 'virtio-console' },
  { kind: 'virtio-console', purpose: 'bulk' },
)

const watchdog: fc.Arbitrary<Of<'watchdog'>> = fc
  .constantFrom('reset', 'shutdown', 'poweroff', 'none', 'pause', 'inject-nmi')
  .map((action) => ({ kind: 'watchdog', action }))

const few = <T>(one: fc.Arbitrary<T>, most: number) =>
  fc.oneof(
    { weight: 2, arbitrary: fc.constant<T[]>([]) },
    { weight: 1, arbitrary: fc.array(one, { minLength: 1, maxLength: most }) },
  )

/** Devices of a machine with that many NUMA nodes, in any order; ids are left open. */
export function arbitraryDevices(nodes: number, type: 'q35' | 'pc'): fc.Arbitrary<readonly Device[]> {
  return fc
    .tuple(
      fc.oneof(fc.constant<Of<'nvdimm'>[]>([]), fc.array(nvdimm(nodes), { minLength: 1, maxLength: 3 })),
      few(virtioPmem, 3),
      few(ivshmem, 2),
      type === 'q35' ? few(cxl, 3) : fc.constant<Of<'cxl'>[]>([]),
      few(disk, 3),
      few(nic, 2),
      few(serial, 3),
      few(virtioConsole, 3),
      few(watchdog, 1),
    )
    .chain((lists) => {
      const all: readonly Device[] = lists.flat()
      return fc.shuffledSubarray([...all], { minLength: all.length, maxLength: all.length })
    })
}
