/**
 * Whether the firmware can install QEMU's ACPI tables.
 *
 * QEMU hands the firmware a list of commands, `etc/table-loader` of fw_cfg: entries of 128 bytes, padded to whole pages
 * of 4 KiB (hw/acpi/bios-linker-loader.c, hw/i386/acpi-build.c). The list is made twice: when the machine is made, and
 * again when the firmware asks for it. In between the firmware of a q35 has switched on MMCONFIG, and the list has grown
 * by the two entries of the MCFG. SeaBIOS and qboot have read the file's size before: where the list grows into another
 * page they read a part of it, and install no table at all. A guest on OVMF saw all tables with the same list (7.2).
 *
 * So 32 entries are no limit: 33 at the start are two pages from the start. What is lost is a list of which the last two
 * entries begin a page.
 */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Argument } from './device.ts'
import { type QemuOption, readArgument, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  ACPI_WITHOUT_HPET: {
    severity: 'note',
    title: 'The machine goes without a HPET.',
    why: 'with the HPET’s table the list of ACPI tables would grow into another 4 KiB page while the firmware runs, and the guest would see none of them',
    remedy: 'nothing, if the guest needs no HPET; with one ACPI table more or less the HPET comes back',
    source: 'seen with QEMU 7.2, SeaBIOS and qboot; entries counted through fw_cfg of 7.2 and 10.0',
    qemu: 'accepts',
  },
  ACPI_TABLES_LOST: {
    title: 'The guest would see none of QEMU’s ACPI tables.',
    why: 'the list of tables grows into another 4 KiB page while the firmware runs, and the firmware reads a part of it; there is no HPET left to omit',
    remedy: 'add or omit one device with an ACPI table: --qemu-arg -device --qemu-arg vmgenid is one',
    source: 'QEMU: etc/table-loader of fw_cfg',
    qemu: 'misbehaves',
  },
  ACPI_TABLES_UNSURE: {
    severity: 'warning',
    title: 'The guest may see none of QEMU’s ACPI tables.',
    why: 'where the last two entries of the list of tables begin a 4 KiB page, SeaBIOS and qboot read a part of the list, and bringup does not know this device',
    remedy:
      'run with --verify, which compares what the guest sees; if nothing arrives, boot with firmware "uefi"',
    source: 'QEMU: etc/table-loader of fw_cfg',
  },
})

/** Entries that a page of 4 KiB holds. */
const PAGE_ENTRIES = 32
/** A checksum of its own, and a pointer in the RSDT. */
const TABLE = 2

/**
 * Entries by device type, beyond those of every machine. Counted in QEMU 7.2 and 10.0.
 * VMGENID: an SSDT, the memory of the id and two pointers to it. TPM: the memory of its log and a pointer to it; as many
 * for a TPM 1.2 (TCPA) as for a TPM 2.0 (TPM2), counted with the emulator swtpm 0.7.
 */
const BY_DEVICE: Readonly<Record<string, number>> = {
  vmgenid: TABLE + 3,
  'acpi-erst': TABLE,
  'intel-iommu': TABLE,
  'amd-iommu': TABLE,
  'virtio-iommu': TABLE,
  'virtio-iommu-pci': TABLE,
  'tpm-tis': TABLE + 2,
  'tpm-crb': TABLE + 2,
}

/** The most that one of the devices above has; what is assumed of one that is not listed here. */
const MOST = Math.max(...Object.values(BY_DEVICE))

/** Devices without a table of their own: they are named in the DSDT, or found by their bus. */
const WITHOUT_TABLE =
  /^(virtio-|vhost-|usb-|ide-|scsi-|isa-|pci-|pcie-|pxb|x3130-|xio3130-|ioh3420|e1000|rtl8139|ne2k_|i8255|pcnet|tulip|vmxnet3|nvme|nvdimm|pc-dimm|cxl-|ivshmem|edu$|vfio-|megasas|mptsas|lsi|ahci|ich9-|intel-hda|hda-|AC97|ES1370|sb16|VGA|bochs-display|secondary-vga|qxl|ramfb|cirrus|vmware-svga|pvpanic|vmcoreinfo|i6300esb|ib700|loader|guest-loader|sdhci|sd-card|floppy|i2c-|smbus-|pvscsi|am53c974|dc390|piix|nec-usb|qemu-xhci|sysbus-|sga|mc146818|i82|i8042|vmbus-|pvrdma|rocker|ccid-|ipoctal232|tpci200|virtconsole|virtserialport|vmmouse|ati-vga|adlib|cs4231a|gus$|ctucan_|kvaser_|mioe3680_|pcm3680_|u2f-|x-pci-proxy|AMDVI-|hv-|ipmi-bmc-|testdev|hyperv-testdev|.*-(x86_64-cpu|testdev)$)/

interface Count {
  /** Entries when the machine is made. */
  readonly entries: number
  readonly hasHpet: boolean
  /** Entries that come while the firmware runs. */
  readonly later: number
  /** Types of devices of which it is not known how many entries they have. */
  readonly unknown: readonly string[]
}

const isOn = (text: string | undefined) => text === 'on' || text === 'true' || text === 'yes'
const isOff = (text: string | undefined) => text === 'off' || text === 'false' || text === 'no'

/** Counts the entries of a whole command line. Undefined for a machine without ACPI. */
export function countLoaderEntries(options: readonly QemuOption[]): Count | undefined {
  const of = (...names: readonly string[]) => options.filter((o) => names.includes(o.name))
  const machine = new Map(of('machine', 'M').flatMap((o) => [...o.keys]))
  if (isOff(machine.get('acpi')) || of('no-acpi').length > 0) return undefined
  const isPc = /^pc(-i440fx.*)?$/.test(machine.get('') ?? machine.get('type') ?? '')
  const hasHpet = !isOff(machine.get('hpet')) && of('no-hpet').length === 0
  const hasFlash = of('pflash').length > 0 || of('drive').some((o) => o.keys.get('if') === 'pflash')
  const numa = of('numa')
  const devices = of('device').map((o) => o.head ?? '')
  // Tables for which several devices share one: one IOMMU, one TPM.
  const kinds = new Set(devices.filter((type) => Object.hasOwn(BY_DEVICE, type)))
  const nvdimm = isOn(machine.get('nvdimm'))
  const tables = [
    numa.length > 0 || of('m').some((o) => Number(o.keys.get('slots') ?? 0) > 0),
    numa.some((o) => o.head === 'dist'),
    isOn(machine.get('hmat')),
    isOn(machine.get('cxl')),
    nvdimm && devices.includes('nvdimm'),
    hasHpet,
  ]
  return {
    entries:
      // RSDP: memory, pointer, checksum. Tables: memory. FADT: 2 pointers, on q35 3, and its table. DSDT and RSDT: a
      // checksum. MADT and WAET.
      (isPc ? 14 : 15) +
      tables.filter(Boolean).length * TABLE +
      (nvdimm ? TABLE + 2 : 0) +
      [...kinds].reduce((sum, type) => sum + (BY_DEVICE[type] ?? 0), 0) +
      of('acpitable').length,
    hasHpet,
    later: isPc || hasFlash ? 0 : TABLE,
    unknown: [
      ...new Set(devices.filter((type) => !Object.hasOwn(BY_DEVICE, type) && !WITHOUT_TABLE.test(type))),
    ],
  }
}

const pages = (entries: number) => Math.ceil(entries / PAGE_ENTRIES)

function grows({ entries, later }: Count): boolean {
  return pages(entries) !== pages(entries + later)
}

/** What is to be done about the list of a machine's arguments, the user's own included. */
export function acpiVerdict(
  args: readonly Argument[],
  own: readonly string[],
): 'fits' | 'omit-hpet' | 'lost' {
  const count = countAll(args, own)
  return count ? verdictOf(count) : 'fits'
}

/** The arguments of a machine are counted when it is checked and whenever it is compiled. */
const counted = new WeakMap<
  readonly Argument[],
  { readonly own: readonly string[]; readonly count: Count | undefined }
>()

function countAll(args: readonly Argument[], own: readonly string[]): Count | undefined {
  const known = counted.get(args)
  if (known?.own === own) return known.count
  const count = countLoaderEntries([...args.map(readArgument), ...readQemuArgs(own)])
  counted.set(args, { own, count })
  return count
}

function verdictOf(count: Count): 'fits' | 'omit-hpet' | 'lost' {
  if (!grows(count)) return 'fits'
  return count.hasHpet && !grows({ ...count, entries: count.entries - TABLE }) ? 'omit-hpet' : 'lost'
}

/** Devices that may bring the list to where it grows, with so many entries as the machine will have. */
function unsure(count: Count): readonly string[] {
  const entries = count.entries - (verdictOf(count) === 'omit-hpet' ? TABLE : 0)
  const most = count.unknown.length * MOST
  const mayGrow = Array.from({ length: most }, (_, i) => grows({ ...count, entries: entries + i + 1 }))
  return mayGrow.includes(true) ? count.unknown : []
}

export function checkAcpi(args: readonly Argument[], own: readonly string[]): readonly Diagnostic[] {
  const count = countAll(args, own)
  if (!count) return []
  const verdict = verdictOf(count)
  const kind = { fits: undefined, 'omit-hpet': problems.ACPI_WITHOUT_HPET, lost: problems.ACPI_TABLES_LOST }[
    verdict
  ]
  if (verdict === 'lost' || unsure(count).length === 0)
    return kind ? [kind.at('', 'the ACPI tables of all devices and arguments together')] : []
  const what = `it is not known how many ACPI tables ${unsure(count).join(', ')} adds to the ${count.entries} entries of the others`
  return [
    ...(kind ? [kind.at('', 'the ACPI tables of all devices and arguments together')] : []),
    problems.ACPI_TABLES_UNSURE.at('', what),
  ]
}
