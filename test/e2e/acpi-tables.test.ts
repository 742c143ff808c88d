/** The rule of `acpi-loader.ts` against real QEMU: its list of ACPI tables, and what guests see at the border. */
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { acpiVerdict, countLoaderEntries } from '../../src/machine/acpi-loader.ts'
import { readQemuArgs } from '../../src/machine/qemu-args.ts'
import { readLoaderList } from '../support/fw-cfg.ts'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'acpi-tables-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const data = join(folder, 'data')
writeFileSync(data, 'table')
const erst = join(folder, 'erst')
writeFileSync(erst, '')
truncateSync(erst, 64 * 1024)
// A pipe that answers each command with itself: to QEMU that is a TPM 2.0, by the tag of the answer.
const echo = join(folder, 'echo')
execFileSync('mkfifo', [echo])
const TPM = `-tpmdev passthrough,id=t,path=${echo},cancel-path=${erst} -device tpm-tis,tpmdev=t`

const NODES =
  '-m 128M,slots=2,maxmem=8G -object memory-backend-ram,id=r0,size=64M -object memory-backend-ram,id=r1,size=64M -smp 2 -numa node,nodeid=0,cpus=0,memdev=r0 -numa node,nodeid=1,cpus=1,memdev=r1'
const DISTANCES = '-numa dist,src=0,dst=1,val=20'
const HMAT = '-numa hmat-lb,initiator=0,target=0,hierarchy=memory,data-type=access-latency,latency=5'
const NVDIMM = '-object memory-backend-ram,id=n,size=128M -device nvdimm,memdev=n,node=1'
const ERST = `-object memory-backend-file,id=e,mem-path=${erst},size=64K,share=on -device acpi-erst,memdev=e`
const ALL = `-M q35,hmat=on,nvdimm=on ${NODES} ${DISTANCES} ${HMAT} ${NVDIMM}`
const tables = (count: number) => `-acpitable sig=TEST,data=${data} `.repeat(count)

describe('counts as QEMU does', () => {
  const lines = [
    '-M q35',
    '-M pc',
    '-M q35,hpet=off',
    '-M q35 -m 128M,slots=2,maxmem=1G',
    '-M q35,cxl=on -m 128M,slots=2,maxmem=8G -device pxb-cxl,bus_nr=12,bus=pcie.0,id=cxl.1',
    `-M q35 ${NODES}`,
    `-M q35 ${NODES} ${DISTANCES}`,
    `-M q35,hmat=on ${NODES}`,
    `-M q35,nvdimm=on ${NODES}`,
    `-M pc,nvdimm=on ${NODES} ${NVDIMM}`,
    '-M q35 -device vmgenid -device pvpanic -device virtio-rng-pci',
    '-M q35 -device intel-iommu',
    '-M q35 -device amd-iommu',
    '-M q35 -device {"driver":"virtio-iommu-pci"}',
    `-M q35 ${ERST} -device i6300esb`,
    `-M q35 ${TPM}`,
    `-M pc ${TPM.replace('tpm-tis,tpmdev=t', '{"driver":"tpm-tis","tpmdev":"t"}')}`,
    ALL,
    `${ALL} ${TPM}`,
    `${ALL} ${TPM} -device intel-iommu`,
    ...[0, 1, 2, 3, 4, 5].map((count) => `${ALL} ${tables(count)}`),
    `${ALL} -device intel-iommu ${ERST} -device vmgenid`,
    '-M q35,acpi=off',
    // One of each kind of device that is taken to have no table.
    '-M q35 -device rtl8139 -device e1000 -device usb-ehci -device nec-usb-xhci -device edu -device ich9-intel-hda -device VGA -device sdhci-pci -device megasas -device lsi -device rocker',
    '-M q35 -device pcie-root-port,id=r -device pci-bridge,chassis_nr=9 -device pxb-pcie,bus_nr=9 -device ipmi-bmc-sim,id=b -device isa-ipmi-kcs,bmc=b -device vmcoreinfo -device isa-serial -device adlib,audiodev=a -audiodev none,id=a',
  ]
  for (const line of lines)
    test(line.replaceAll(folder, ''), async () => {
      const argv = line.trim().split(/\s+/)
      const seen = await readLoaderList(argv, { isPc: line.startsWith('-M pc') })
      const count = countLoaderEntries(readQemuArgs(argv))
      expect(seen?.entriesLater).toBe(count && count.entries + count.later)
      // The list grows into another page exactly where the rule says so.
      expect(seen !== undefined && seen.bytesLater > seen.bytesAtStart).toBe(acpiVerdict([], argv) !== 'fits')
    })
})

describe('the guest sees all tables', () => {
  const machine = {
    cpu: 2,
    memory: '64M',
    numa: { nodes: 2, distances: 20, hmat: [{ initiator: 0, target: 0, latency: 5, bandwidth: '1G' }] },
    devices: [{ kind: 'nvdimm', size: '16M', backing: 'ram', node: 1 }],
  }
  const own = (count: number) => tables(count).trim().split(' ').filter(Boolean)
  const intel = ['-device', 'intel-iommu']
  const cases = {
    'one table before the border': { ...machine, qemuArgs: own(1) },
    'at the border': { ...machine, qemuArgs: own(2) },
    'on the border': { ...machine, qemuArgs: own(3) },
    'one table beyond the border': { ...machine, qemuArgs: own(4) },
    'with an IOMMU': { ...machine, qemuArgs: intel },
    'with a TPM': { ...machine, qemuArgs: TPM.split(' ') },
    'with a TPM on the border': { ...machine, qemuArgs: [...TPM.split(' '), ...own(4)] },
    'with a virtio IOMMU, on SeaBIOS': {
      ...machine,
      boot: { rom: 'seabios' },
      qemuArgs: ['-device', 'virtio-iommu-pci'],
    },
    'on the border, with qboot': { ...machine, boot: { rom: 'qboot' }, qemuArgs: own(3) },
    'on the border, with OVMF': { ...machine, boot: { firmware: 'uefi' }, memory: '256M', qemuArgs: own(3) },
    'with a VMGENID, which hangs with qboot': { ...machine, qemuArgs: ['-device', 'vmgenid'] },
  }
  for (const [name, described] of Object.entries(cases)) {
    test(name, async ({ launch }) => {
      const guest = await launch(described as object)
      await expect(guest).toEnd('passed')
      await expect(guest).toSeeItsMachine()
    })
  }
})
