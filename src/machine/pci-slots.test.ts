import { describe, expect, it } from 'vitest'
import type { Argument, MachineView } from './device.ts'
import type { Facts } from './facts.ts'
import { checkPciSlots } from './pci-slots.ts'

const pciTypes = ['virtio-blk-pci', 'virtio-rng-pci', 'e1000', 'pcie-root-port']
const facts = { qemu: { pciTypes } } as unknown as Facts
const codes = (type: string, described: readonly Argument[], ...qemuArgs: readonly string[]) =>
  checkPciSlots({ type, qemuArgs, devices: [] } as unknown as MachineView, described, facts).map(
    (d) => d.code,
  )
const many = (count: number): Argument[] =>
  Array.from({ length: count }, (_, i) => ['-device', `virtio-blk-pci,id=d${i}`])
const own = (...devices: readonly string[]) => devices.flatMap((d) => ['-device', d])

describe('slots of the root bus', () => {
  it.each(['q35', 'pc'])('%s has 30 to give', (type) => {
    expect(codes(type, many(30))).toEqual([])
    expect(codes(type, many(31))).toEqual(['PCI_SLOTS_FULL'])
    expect(codes(type, many(29), ...own('e1000', 'isa-serial'))).toEqual([])
    expect(codes(type, many(29), ...own('e1000', '{"driver":"virtio-rng-pci"}'))).toEqual(['PCI_SLOTS_FULL'])
  })

  it('are not taken behind a bridge, nor by a further function', () => {
    expect(codes('q35', many(29), ...own('pcie-root-port,id=r', 'e1000,bus=r'))).toEqual([])
    expect(codes('q35', many(29), ...own('e1000,bus=pcie.0', 'e1000,addr=1f.5'))).toEqual([])
  })

  it('are taken by what makes devices by the way', () => {
    expect(codes('q35', many(30), '-nic', 'user')).toEqual(['PCI_SLOTS_FULL'])
    expect(codes('q35', many(30), '-nic', 'none')).toEqual([])
    expect(codes('pc', many(30), '-drive', 'if=virtio,file=x')).toEqual(['PCI_SLOTS_FULL'])
    expect(codes('q35', many(30), ...own('amd-iommu'))).toEqual(['PCI_SLOTS_FULL'])
    expect(codes('q35', many(30), '-usb')).toEqual(['PCI_SLOTS_FULL'])
    expect(codes('pc', many(30), '-usb')).toEqual([])
  })

  it('can be named, once', () => {
    expect(codes('q35', [], ...own('e1000,addr=5', 'e1000,addr=0x5.1'))).toEqual([])
    expect(codes('q35', [], ...own('e1000,addr=5', 'e1000,addr=05.0'))).toEqual(['PCI_ADDRESS_TAKEN'])
    expect(codes('q35', many(3), ...own('e1000,addr=2'))).toEqual(['PCI_ADDRESS_TAKEN'])
    expect(codes('q35', [], ...own('e1000,addr=1f.2'))).toEqual(['PCI_ADDRESS_TAKEN'])
    // Devices in JSON are made last: the first slot is the one that is named.
    expect(codes('q35', [], ...own('{"driver":"e1000"}', 'e1000,addr=1'))).toEqual([])
    expect(codes('q35', [], ...own('e1000', '{"driver":"e1000","addr":"1"}'))).toEqual(['PCI_ADDRESS_TAKEN'])
  })
})

describe('an expander bridge', () => {
  const pxb = 'pxb-pcie,id=p,bus=pcie.0,bus_nr=32'
  const bare = 'virtio-rng-pci'
  it.each([
    [[pxb, bare], ['PCI_EXPANDER_NOT_A_BRIDGE']],
    [[bare, pxb], []],
    [['{"driver":"virtio-rng-pci"}', pxb], ['PCI_EXPANDER_NOT_A_BRIDGE']],
    [[pxb, `${bare},bus=pcie.0`], []],
    [[pxb, 'pcie-root-port,id=r'], []],
    [[pxb, 'isa-serial'], []],
  ] as const)('before or after %j', (devices, wanted) => {
    expect(codes('q35', [], ...own(...devices))).toEqual(wanted)
  })

  it('of the machine comes before devices in JSON only', () => {
    const cxl: Argument[] = [['-device', 'pxb-cxl,id=c,bus=pcie.0,bus_nr=32']]
    expect(codes('q35', cxl, ...own(bare))).toEqual([])
    expect(codes('q35', cxl, ...own('{"driver":"virtio-rng-pci"}'))).toEqual(['PCI_EXPANDER_NOT_A_BRIDGE'])
  })
})
