import { describe, expect, it } from 'vitest'
import { acpiVerdict, checkAcpi, countLoaderEntries } from './acpi-loader.ts'
import type { Facts } from './facts.ts'
import { checkMachine, compileMachine, type MachineInput, parseMachine } from './machine.ts'
import { readQemuArgs } from './qemu-args.ts'

const facts: Facts = { files: new Map(), hostNodes: [0], hugePages: [], hostBytes: 2 ** 40, accelerators: [] }

const count = (text: string) => countLoaderEntries(readQemuArgs(text.split(' ')))?.entries

describe('entries of the loader’s list when the machine is made', () => {
  // test/e2e/acpi-tables.test.ts holds the same numbers against real QEMU.
  it.each([
    ['-machine q35 -m 256M', 17],
    ['-machine pc -m 256M', 16],
    ['-M q35,hpet=off', 15],
    ['-M q35 -no-hpet', 15],
    ['-M q35 -m 256M,slots=4,maxmem=4G', 19],
    ['-M q35 -numa node -numa node -numa dist,src=0,dst=1,val=20', 21],
    ['-M q35,hmat=on -numa node', 21],
    ['-M q35,nvdimm=on -m 256M,slots=4', 23],
    ['-M q35,nvdimm=on -m 256M,slots=4 -device {"driver":"nvdimm","memdev":"a"}', 25],
    ['-M q35 -device vmgenid', 22],
    ['-M q35 -device intel-iommu,intremap=on', 19],
    ['-M q35,cxl=on -m 256M,slots=4', 21],
    ['-M q35 -acpitable sig=A,data=x -acpitable sig=B,data=x', 19],
    ['-M q35 -device pvpanic -device virtio-rng-pci', 17],
    ['-M q35,acpi=off', undefined],
  ])('%s: %j', (text, entries) => expect(count(text)).toBe(entries))
})

describe('the HPET', () => {
  const verdict = (own: string) => acpiVerdict([], own.split(' '))
  const numa = '-M q35,hmat=on,nvdimm=on -numa node -numa dist,src=0,dst=1,val=20 -device nvdimm,memdev=a'
  it('is omitted where the list would grow into another page, and nowhere else', () => {
    expect(verdict(numa)).toBe('fits')
    expect(verdict(`${numa} -acpitable sig=A,data=x`)).toBe('fits')
    expect(verdict(`${numa} -device intel-iommu`)).toBe('omit-hpet')
    expect(verdict(`${numa} -device intel-iommu -acpitable sig=A,data=x`)).toBe('omit-hpet')
    // More than a page from the start.
    expect(verdict(`${numa} -device vmgenid`)).toBe('fits')
    // With OVMF guests see all tables.
    expect(verdict(`${numa} -device intel-iommu -drive if=pflash,file=x`)).toBe('fits')
    // No MCFG comes while the firmware of a pc runs.
    expect(verdict(`${numa.replace('q35', 'pc')} -device vmgenid`)).toBe('fits')
  })
  it('is not enough to know where a device is not known', () => {
    const codes = (own: string) => checkAcpi([], own.split(' ')).map((d) => d.code)
    expect(codes(`${numa} -device strange-bridge`)).toEqual(['ACPI_TABLES_UNSURE'])
    expect(codes(`${numa} -device intel-iommu -device strange-bridge`)).toEqual([
      'ACPI_WITHOUT_HPET',
      'ACPI_TABLES_UNSURE',
    ])
    expect(codes(`${numa} -device virtio-rng-pci -device usb-ehci`)).toEqual([])
    // Far from the end of a page.
    expect(codes('-M q35 -device strange-bridge')).toEqual([])
  })

  it('cannot help where it is omitted already', () => {
    expect(verdict(`${numa} -no-hpet -device intel-iommu -device acpi-erst,memdev=e`)).toBe('lost')
  })

  it('is omitted and said for the machine, with its own arguments and the user’s', () => {
    const says = (machine: object) => {
      const config = parseMachine('tiny', machine as MachineInput)
      const [, options] =
        compileMachine(config, facts, 'tiny').args.find(([flag]) => flag === '-machine') ?? []
      const isSaid = checkMachine(config, facts, 'tiny').some((d) => d.code === 'ACPI_WITHOUT_HPET')
      expect(options?.includes(',hpet=off')).toBe(isSaid)
      return isSaid
    }
    const hmat = [{ initiator: 0, target: 0, latency: 1, bandwidth: '1G' }]
    const nvdimm = { kind: 'nvdimm', size: '16M' }
    const machine = { memory: '64M', numa: { nodes: 2, distances: 20, hmat }, devices: [nvdimm] }
    expect(says(machine)).toBe(false)
    expect(says({ ...machine, qemuArgs: ['-device', 'intel-iommu'] })).toBe(true)
    expect(says({ ...machine, devices: [nvdimm, { kind: 'cxl', size: '256M' }] })).toBe(true)
    // An initiator alone makes an HMAT too.
    const nodes = [{ memory: '32M' }, { cpus: 0, memory: '32M', initiator: 0 }]
    const qemuArgs = ['-device', '{"driver":"virtio-iommu-pci","id":"i"}']
    expect(says({ ...machine, memory: {}, numa: { nodes, distances: 20 }, qemuArgs })).toBe(true)
  })
})
