/**
 * What a Linux guest saw of its hardware: one command that prints what Linux made of it (`/sys`, `/proc`) and, apart
 * from that, the firmware's tables; and one parser.
 */
import type { GuestPciFunction, GuestView } from '../../../machine/guest-view.ts'
import {
  CPU_SCRIPT,
  cpuModelOf,
  cpusOf,
  distancesOf,
  hmatOfNearest,
  initiatorsOf,
  memoryCachesOf,
  nodesOf,
} from './view-cpus.ts'
import { DEVICE_SCRIPT, disksOf, ivshmemsOf, nicsOf, pciOf, portsOf, serialPortsOf } from './view-devices.ts'
import { parsePrinted } from './view-files.ts'
import { FOLDER_SCRIPT, foldersOf } from './view-folders.ts'
import { cxlOf, nvdimmsOf, PMEM_SCRIPT, virtioPmemsOf } from './view-pmem.ts'
import { RDMA_SCRIPT, rdmasOf } from './view-rdma.ts'
import { TABLES_SCRIPT, tablesOf } from './view-tables.ts'

/** The last line: without it the guest did not print everything. */
const END = 'bringup-view-end'

/** `grep ''` prints many small files with their names in one process; tables are binary. */
const SCRIPT = `${PMEM_SCRIPT}
grep -s '' /proc/cmdline /dev/null${CPU_SCRIPT}${DEVICE_SCRIPT}${FOLDER_SCRIPT}${RDMA_SCRIPT}${TABLES_SCRIPT}
echo ${END}`

export const VIEW_COMMAND = ['sh', '-c', SCRIPT] as const

/** Parses what VIEW_COMMAND printed, whatever that is. */
export function parseView(output: string): GuestView {
  const printed = parsePrinted(output)
  const { files } = printed
  const commandLine = files.get('/proc/cmdline')
  const pci = pciOf(printed)
  const nodes = nodesOf(printed)
  const cpus = cpusOf(printed)
  const cpuModel = cpuModelOf(printed)
  const tables = tablesOf(files)
  const missing = [
    ...(output.trimEnd().endsWith(END) ? [] : ['the end of what Linux prints of /sys and /proc']),
    ...(cpus.length === 0 ? ['/proc/cpuinfo of the guest'] : []),
    ...(nodes === undefined ? ['/proc/zoneinfo of the guest'] : []),
  ]
  return {
    by: 'Linux',
    ...(missing.length > 0 ? { missing } : {}),
    ...(commandLine === undefined ? {} : { commandLine }),
    firmware: files.has('/sys/firmware/efi') ? 'uefi' : 'bios',
    ...(cpuModel ? { cpuModel } : {}),
    cpus,
    ...(nodes ? { nodes, omitsReserved: true } : {}),
    distances: distancesOf(printed),
    hmatOfNearest: hmatOfNearest(printed),
    initiators: initiatorsOf(printed),
    caches: memoryCachesOf(printed),
    nvdimms: nvdimmsOf(files),
    virtioPmems: virtioPmemsOf(files, addressesOf(pci, '1af4:105b')),
    ivshmems: ivshmemsOf(printed, addressesOf(pci, '1af4:1110')),
    cxl: cxlOf(files, addressesOf(pci, '8086:0d93')),
    pci,
    folders: foldersOf(printed),
    serialPorts: serialPortsOf(printed),
    ports: portsOf(printed),
    disks: disksOf(printed),
    nics: nicsOf(printed),
    rdmas: rdmasOf(printed),
    ...(tables ? { tables } : {}),
  }
}

const addressesOf = (pci: readonly GuestPciFunction[], numbers: string) =>
  pci
    .filter((f) => `${f.vendor}:${f.device}` === numbers)
    .map((f) => f.address)
    .toSorted()
