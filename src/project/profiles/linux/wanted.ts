/** What a guest on a given machine needs: modules for its devices, the tools that go with them. Pure. */
import { type RdmaKind, rdmaKindsOf } from '../../../machine/devices/nic-rdma-schema.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { type QemuOption, readQemuArgs } from '../../../machine/qemu-args.ts'
import { RDMA_PROGRAMS } from './rdma-programs.ts'

type DeviceInput = NonNullable<MachineInput['devices']>[number]

const NIC_MODULES: Readonly<Record<string, readonly string[]>> = {
  vmxnet3: ['vmxnet3'],
  e1000: ['e1000'],
  e1000e: ['e1000e'],
  rtl8139: ['8139cp', '8139too'],
}
const DISK_MODULES: Readonly<Record<string, readonly string[]>> = {
  virtio: ['virtio_blk'],
  nvme: ['nvme'],
  ide: ['ata_piix', 'ahci', 'sd_mod'],
  scsi: ['virtio_scsi', 'sd_mod'],
  usb: ['xhci_pci', 'usb_storage', 'uas', 'sd_mod'],
}
const CDROM_MODULES: Readonly<Record<string, readonly string[]>> = {
  ide: ['ata_piix', 'ahci', 'sr_mod'],
  scsi: ['virtio_scsi', 'sr_mod'],
  usb: ['xhci_pci', 'usb_storage', 'sr_mod'],
}

function modulesOf(device: DeviceInput): readonly string[] {
  switch (device.kind) {
    case 'nvdimm':
      return ['nfit', ...PMEM]
    case 'virtio-pmem':
      return ['virtio_pmem', ...PMEM]
    case 'cxl':
      return ['cxl_acpi', 'cxl_pci', 'cxl_mem', 'cxl_port', 'cxl_pmem', ...PMEM]
    case 'disk':
      return DISK_MODULES[device.bus ?? 'virtio'] ?? []
    case 'cdrom':
      return CDROM_MODULES[device.bus ?? 'ide'] ?? []
    case 'nic':
      return NIC_MODULES[device.model ?? ''] ?? ['virtio_net']
    case 'folder':
      return [...(device.transport === 'virtiofs' ? ['virtiofs'] : ['9pnet_virtio', '9p']), 'overlay']
    case 'pvrdma':
      return PVRDMA_MODULES
    case 'vsock':
      return ['vmw_vsock_virtio_transport']
    case 'watchdog':
      return ['i6300esb', 'iTCO_wdt']
    default:
      return []
  }
}

/** Driver of para-virtual RDMA; kernels that lack it get one that is built for them (`pvrdma-module.ts`). */
export const PVRDMA_MODULE = 'vmw_pvrdma'

/** In the order in which they are loaded. */
const PVRDMA_MODULES = ['vmxnet3', 'ib_uverbs', PVRDMA_MODULE, 'rdma_ucm']

/** Drivers of persistent memory, whatever it was found by. */
const PMEM = ['nd_pmem', 'nd_btt', 'dax_pmem', 'device_dax']

/** Devices of the user's own arguments; the first pattern that fits counts. */
const DRIVER_MODULES: readonly (readonly [driver: RegExp, modules: readonly string[]])[] = [
  [/^virtio-blk/, ['virtio_blk']],
  [/^vhost-user-blk/, ['virtio_blk']],
  [/^(virtio|vhost-user|vhost)-scsi/, ['virtio_scsi', 'sd_mod', 'sr_mod']],
  [/^virtio-net/, ['virtio_net']],
  [/^virtio-rng/, ['virtio_rng']],
  [/^virtio-balloon/, ['virtio_balloon']],
  [/^virtio-mem/, ['virtio_mem']],
  [/^virtio-pmem/, ['virtio_pmem', ...PMEM]],
  [/^virtio-9p/, ['9pnet_virtio', '9p']],
  [/^vhost-user-fs/, ['virtiofs']],
  [/^(vhost-(user-)?)vsock/, ['vmw_vsock_virtio_transport']],
  [/^virtio-(keyboard|mouse|tablet|input)/, ['virtio_input']],
  [/^virtio-gpu/, ['virtio_gpu']],
  [/^virtio-iommu/, ['virtio_iommu']],
  [/^virtio-crypto/, ['virtio_crypto']],
  [/^nvme(-ns)?$/, ['nvme']],
  [/^nvdimm$/, ['nfit', ...PMEM]],
  [/^cxl-type3$/, ['cxl_acpi', 'cxl_pci', 'cxl_mem', 'cxl_port', 'cxl_pmem', ...PMEM]],
  [/^(ich9-)?ahci$|^ide-/, ['ata_piix', 'ahci', 'sd_mod', 'sr_mod']],
  [/^megasas/, ['megaraid_sas', 'sd_mod']],
  [/^mptsas1068$/, ['mptsas', 'sd_mod']],
  [/^lsi/, ['sym53c8xx', 'sd_mod']],
  [/^pvscsi$/, ['vmw_pvscsi', 'sd_mod']],
  [/^am53c974$|^dc390$/, ['am53c974', 'sd_mod']],
  [/^usb-storage$|^usb-uas$/, ['usb_storage', 'uas', 'sd_mod']],
  [/xhci/, ['xhci_pci']],
  [/ehci/, ['ehci_pci']],
  [/^sdhci-pci$/, ['sdhci_pci']],
  [/^sd-card$/, ['mmc_block']],
  [/^e1000e$/, ['e1000e']],
  [/^e1000/, ['e1000']],
  [/^igb$/, ['igb']],
  [/^vmxnet3$/, ['vmxnet3']],
  [/^rtl8139$/, ['8139cp', '8139too']],
  [/^ne2k_pci$/, ['ne2k_pci']],
  [/^pcnet$/, ['pcnet32']],
  [/^tulip$/, ['tulip']],
  [/^i8255\d/, ['e100']],
  [/^i6300esb$/, ['i6300esb']],
  [/^pvpanic/, ['pvpanic', 'pvpanic_mmio', 'pvpanic_pci']],
  [/^tpm-/, ['tpm_tis', 'tpm_crb']],
  [/^vmgenid$/, ['vmgenid']],
]

const driverModules = (driver: string) => DRIVER_MODULES.find(([pattern]) => pattern.test(driver))?.[1] ?? []

/** Whether an option of the user's own is short for a network card. */
const isCard = (name: string, head: string) =>
  (name === 'nic' && head !== 'none') || (name === 'net' && head === 'nic')

/** Options that are short for a device. */
function modulesOfOption({ name, head = '', keys }: QemuOption): readonly string[] {
  if (name === 'device') return driverModules(head)
  if (name === 'virtfs') return driverModules('virtio-9p')
  if (name === 'drive') return driverModules({ virtio: 'virtio-blk' }[keys.get('if') ?? ''] ?? 'ide-hd')
  // The default model is e1000e on q35 and e1000 on pc.
  if (isCard(name, head))
    return keys.has('model') ? driverModules(keys.get('model') ?? '') : ['e1000e', 'e1000']
  if (/^(hd[a-d]|cdrom)$/.test(name)) return driverModules('ide-hd')
  return []
}

/** `memmap=2G!4G` makes RAM persistent memory, which a driver of its own finds (drivers/nvdimm/e820.c). */
const hasFakePmem = (append: string) => /(^|[\s"])memmap="?[^\s"]*!/.test(append)

/**
 * Drivers of RDMA in software: the device, and the connection manager. rxe asks the crypto layer for crc32 by a name
 * that no module declares: without crc32_generic `rdma link add` ends with "No such file or directory".
 */
const RDMA_MODULES: Readonly<Record<RdmaKind, readonly string[]>> = {
  rxe: ['crc32_generic', 'ib_uverbs', 'rdma_rxe', 'rdma_ucm'],
  siw: ['ib_uverbs', 'siw', 'rdma_ucm'],
}

/** Newer kernels have the sum in a library, so that it is no module. */
const WITHOUT_DRIVER = ['crc32_generic']

/** Drivers without which a guest on this machine has no RDMA device. */
export const rdmaModulesOf = (machine: MachineInput): readonly string[] => [
  ...new Set(rdmaKindsOf(machine.devices ?? []).flatMap((kind) => RDMA_MODULES[kind])),
]

const hasPvrdma = ({ devices = [] }: MachineInput) => devices.some(({ kind }) => kind === 'pvrdma')

/** Drivers that a kernel cannot lack: of RDMA in software, and of para-virtual RDMA. */
export const rdmaDriversOf = (machine: MachineInput): readonly string[] => [
  ...new Set([
    ...rdmaModulesOf(machine).filter((name) => !WITHOUT_DRIVER.includes(name)),
    ...(hasPvrdma(machine) ? ['vmxnet3', 'ib_uverbs', PVRDMA_MODULE] : []),
  ]),
]

/** Providers of libibverbs for the RDMA devices of the guest, by name. */
export const providersOf = (machine: MachineInput): readonly string[] => [
  ...rdmaKindsOf(machine.devices ?? []),
  ...(hasPvrdma(machine) ? [PVRDMA_MODULE] : []),
]

/** The command channel's own, then those of the devices, of the user's own arguments and of the command line. */
export function modulesFor(machine: MachineInput): readonly string[] {
  const ofCommandLine = hasFakePmem(machine.boot?.append ?? '') ? ['nd_e820', ...PMEM] : []
  return [
    ...new Set([
      ...CHANNEL_MODULES,
      ...(machine.devices ?? []).flatMap(modulesOf),
      ...readQemuArgs(machine.qemuArgs ?? []).flatMap(modulesOfOption),
      ...(hasCard(machine) ? ['af_packet'] : []),
      ...rdmaModulesOf(machine),
      ...ofCommandLine,
    ]),
  ]
}

/** Drivers that the kernels for clouds of Debian 12 lack; looked up in its `modules.dep` and `modules.builtin`. */
const NOT_IN_CLOUD = new Set([
  ...[
    '9p',
    '9pnet_virtio',
    'e1000',
    'e1000e',
    'igb',
    '8139cp',
    '8139too',
    'ne2k_pci',
    'pcnet32',
    'tulip',
    'e100',
  ],
  ...[
    'ahci',
    'megaraid_sas',
    'mptsas',
    'sym53c8xx',
    'am53c974',
    'usb_storage',
    'uas',
    'xhci_pci',
    'ehci_pci',
  ],
  ...[
    'sdhci_pci',
    'mmc_block',
    'i6300esb',
    'iTCO_wdt',
    'virtio_gpu',
    'virtio_iommu',
    'virtio_crypto',
    'vmgenid',
  ],
  PVRDMA_MODULE,
  ...['rdma_rxe', 'siw'],
])

/** Drivers that no kernel of Debian 12 has; looked up in its configuration. */
export const NOT_IN_DEBIAN: readonly string[] = ['siw', PVRDMA_MODULE]

/** Whether the distribution's kernel for clouds will not do. */
export const needsFullKernel = (machine: MachineInput): boolean => notInCloud(machine).length > 0

/** Drivers of this machine that the kernels for clouds lack. A pc has no AHCI of its own. */
export function notInCloud(machine: MachineInput): readonly string[] {
  const isWithAhci =
    machine.type !== 'pc' || readQemuArgs(machine.qemuArgs ?? []).some((o) => /ahci/.test(o.head ?? ''))
  return modulesFor(machine).filter((name) => NOT_IN_CLOUD.has(name) && (name !== 'ahci' || isWithAhci))
}

const NIC_OPTION = /^(virtio-net|e1000|igb|vmxnet3|rtl8139|ne2k|pcnet|tulip|i8255\d|usb-net)/

/** Whether a network card is described, or is among the user's own arguments. */
export function hasCard({ devices = [], qemuArgs = [] }: MachineInput): boolean {
  return (
    devices.some((device) => device.kind === 'nic' || device.kind === 'pvrdma') ||
    readQemuArgs(qemuArgs).some(
      ({ name, head = '' }) => isCard(name, head) || (name === 'device' && NIC_OPTION.test(head)),
    )
  )
}

/** Drivers that the command channel needs. */
export const CHANNEL_MODULES = ['virtio_pci', 'virtio_console'] as const

/** Files whose reading waits until drivers have probed: without it `ndctl` may come before the NVDIMMs. */
export function waitsFor(machine: MachineInput): readonly string[] {
  const hasNvdimm = machine.devices?.some((d) => d.kind === 'nvdimm')
  return hasNvdimm || hasFakePmem(machine.boot?.append ?? '')
    ? ['/sys/class/nd/ndctl0/device/wait_probe']
    : []
}

/** Tools of hardware, which a command may call from within `sh -c` or a script of its own. */
const TOOLS = ['ndctl', 'daxctl', 'numactl', 'lspci', 'mkfs.ext4', 'mkfs.xfs', 'ibv_devinfo', 'rdma'] as const

/** Tools of a guest with an RDMA device that is talked to later. */
const RDMA_TOOLS = ['ibv_devinfo', 'ibv_rc_pingpong', 'rping', 'ucmatose'] as const
/** What makes the RDMA device. */
const RDMA_LINK = 'rdma'

/**
 * The program that the command starts with, and tools that are of use: those that its words name, or, for a guest that
 * is talked to later, the tool of persistent memory where there is some. A tool costs time at boot (ndctl 0.09 s under
 * TCG for its 9 MB), so no guest has one that it does not use.
 */
export function programsFor(
  machine: MachineInput,
  command: readonly string[],
): { readonly needed: readonly string[]; readonly useful: readonly string[] } {
  const [program, ...words] = command
  const hasRdma = providersOf(machine).length > 0
  const own = rdmaKindsOf(machine.devices ?? []).length > 0 ? [RDMA_LINK] : []
  if (program === undefined)
    return {
      needed: own,
      useful: [...(waitsFor(machine).length > 0 ? ['ndctl'] : []), ...(hasRdma ? RDMA_TOOLS : [])],
    }
  const named = new Set(words.flatMap((word) => word.split(/[^\w.+-]+/)))
  const needed = [...new Set([program, ...own])]
  const tools = hasRdma ? [...TOOLS, ...RDMA_PROGRAMS] : TOOLS
  return {
    needed,
    useful: [...new Set(tools)].filter((tool) => !needed.includes(tool) && named.has(tool)),
  }
}
