/** What a Linux guest saw of its hardware: one command that reads sysfs and the ACPI tables, and one parser. */
import { parseCedt } from '../../../guest/acpi/cedt.ts'
import { parseHmat } from '../../../guest/acpi/hmat.ts'
import { parseMadt } from '../../../guest/acpi/madt.ts'
import { parseNfit } from '../../../guest/acpi/nfit.ts'
import { parseSlit } from '../../../guest/acpi/slit.ts'
import { parseSrat, type Srat } from '../../../guest/acpi/srat.ts'
import type { GuestCpu, GuestPciFunction, GuestView } from '../../../machine/guest-view.ts'
import { cxlMemoriesOf, nvdimmsOf, PMEM_SCRIPT, virtioPmemsOf } from './view-pmem.ts'

/** `grep ''` prints many small files with their names in one process; tables are binary. */
const SCRIPT = `${PMEM_SCRIPT}
grep -s '' /proc/cmdline /dev/null
grep -s -e '^processor' -e '^apicid' /proc/cpuinfo /dev/null
grep -s '' /sys/devices/system/cpu/cpu*/topology/physical_package_id /sys/devices/system/cpu/cpu*/topology/core_id /dev/null
grep -s '' /sys/bus/pci/devices/*/vendor /sys/bus/pci/devices/*/device /sys/bus/pci/devices/*/class /dev/null
grep -s '' /sys/class/tty/ttyS*/type /dev/null
for table in APIC SRAT SLIT HMAT NFIT CEDT; do
  file=/sys/firmware/acpi/tables/$table
  [ -e $file ] && echo "$file:$(base64 $file | tr -d '\\n')"
done
true`

export const VIEW_COMMAND = ['sh', '-c', SCRIPT] as const

/** Parses what VIEW_COMMAND printed. */
export function parseView(output: string): GuestView {
  const lines = output.split('\n').flatMap((line) => {
    const at = line.indexOf(':', line.startsWith('/sys/bus/pci') ? line.lastIndexOf('/') : 0)
    return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  const files = new Map(lines)
  const table = (name: string) => Buffer.from(files.get(`/sys/firmware/acpi/tables/${name}`) ?? '', 'base64')
  const srat = parseSrat(table('SRAT'))
  const commandLine = files.get('/proc/cmdline')
  const pci = pciOf(files)
  return {
    ...(commandLine === undefined ? {} : { commandLine }),
    cpus: cpusOf(lines, files, table('APIC'), srat),
    ...(srat ? { nodes: nodesOf(srat, table('APIC')) } : {}),
    distances: parseSlit(table('SLIT')) ?? [],
    hmat: parseHmat(table('HMAT')) ?? [],
    nvdimms: nvdimmsOf(files, parseNfit(table('NFIT')) ?? []),
    virtioPmems: virtioPmemsOf(files, addressesOf(pci, '1af4:105b')),
    cxl: cxlOf(files, table('CEDT'), addressesOf(pci, '8086:0d93')),
    pci,
    serialPorts: [...files]
      .flatMap(([path, type]) => {
        const port = /^\/sys\/class\/tty\/ttyS(\d+)\/type$/.exec(path)?.[1]
        // Linux makes entries for ports that are not there, of type 0 (PORT_UNKNOWN).
        return port === undefined || type === '0' ? [] : [Number(port)]
      })
      .toSorted((a, b) => a - b),
  }
}

function cpusOf(
  lines: readonly (readonly [string, string])[],
  files: ReadonlyMap<string, string>,
  madt: Buffer,
  srat: Srat | undefined,
): readonly GuestCpu[] {
  const online = onlineCpus(lines)
  const number = (cpu: number, file: string) => {
    const text = files.get(`/sys/devices/system/cpu/cpu${cpu}/topology/${file}`)
    return text === undefined ? undefined : Number(text)
  }
  const named = parseMadt(madt)?.map((c) => c.apicId) ?? [...online.keys()]
  const cpus = named
    .toSorted((a, b) => a - b)
    .map((apicId) => {
      const cpu = online.get(apicId)
      const node = srat?.cpus.find((c) => c.apicId === apicId)?.node ?? null
      if (cpu === undefined) return { apicId, node, online: false }
      return {
        apicId,
        node,
        socket: number(cpu, 'physical_package_id'),
        core: number(cpu, 'core_id'),
        online: true,
      }
    })
  return cpus.map((cpu, i) => {
    if (!cpu.online) return cpu
    const before = cpus.slice(0, i).filter((c) => c.online && c.socket === cpu.socket && c.core === cpu.core)
    return { ...cpu, thread: before.length }
  })
}

/** Linux's number of each CPU that runs, by its APIC id. */
function onlineCpus(lines: readonly (readonly [string, string])[]): ReadonlyMap<number, number> {
  const online = new Map<number, number>()
  let processor = 0
  for (const [path, text] of lines) {
    if (path !== '/proc/cpuinfo') continue
    const value = Number(text.split(':')[1])
    if (text.startsWith('processor')) processor = value
    else online.set(value, processor)
  }
  return online
}

function nodesOf(srat: Srat, madt: Buffer): NonNullable<GuestView['nodes']> {
  const enabled = parseMadt(madt)
    ?.filter((c) => c.isEnabled)
    .map((c) => c.apicId)
  const cpus = srat.cpus.filter((c) => enabled?.includes(c.apicId) ?? true)
  const numbers = new Set([
    ...srat.cpus.map((c) => c.node),
    ...srat.memory.map((m) => m.node),
    ...srat.initiators,
  ])
  return [...numbers]
    .toSorted((a, b) => a - b)
    .map((node) => ({
      node,
      cpus: cpus.filter((c) => c.node === node).length,
      bytes: srat.memory
        .filter((m) => m.node === node && !m.isHotPluggable && !m.isNonVolatile)
        .reduce((sum, m) => sum + m.bytes, 0),
    }))
}

const addressesOf = (pci: readonly GuestPciFunction[], numbers: string) =>
  pci
    .filter((f) => `${f.vendor}:${f.device}` === numbers)
    .map((f) => f.address)
    .toSorted()

/** Devices that no driver has taken are there, but cannot tell how large they are. */
function cxlOf(
  files: ReadonlyMap<string, string>,
  cedt: Buffer,
  addresses: readonly string[],
): NonNullable<GuestView['cxl']> {
  const memories = cxlMemoriesOf(files)
  return {
    ...(parseCedt(cedt) ?? { hostBridges: [], windows: [] }),
    memories: addresses.map(
      (address) => memories.find((m) => m.address === address) ?? { address, bytes: null },
    ),
  }
}

function pciOf(files: ReadonlyMap<string, string>): readonly GuestPciFunction[] {
  return [...files].flatMap(([path, vendor]) => {
    const [, folder, address] = /^(\/sys\/bus\/pci\/devices\/(?:0000:)?(.+))\/vendor$/.exec(path) ?? []
    if (folder === undefined || address === undefined) return []
    const hex = (text: string | undefined, digits: number) => (text ?? '').replace(/^0x/, '').slice(0, digits)
    return [
      {
        address,
        vendor: hex(vendor, 4),
        device: hex(files.get(`${folder}/device`), 4),
        class: hex(files.get(`${folder}/class`), 4),
      },
    ]
  })
}
