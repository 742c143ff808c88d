/** What the firmware's ACPI tables say, as Linux hands them out. */
import { parseCedt } from '../../../guest/acpi/cedt.ts'
import { parseHmat, parseHmatCaches, parseHmatInitiators } from '../../../guest/acpi/hmat.ts'
import { parseMadt } from '../../../guest/acpi/madt.ts'
import { parseNfit } from '../../../guest/acpi/nfit.ts'
import { parseSlit } from '../../../guest/acpi/slit.ts'
import { parseSrat, type Srat } from '../../../guest/acpi/srat.ts'
import type { GuestCpu, HardwareView } from '../../../machine/guest-view.ts'
import type { Files } from './view-files.ts'

export const TABLES_SCRIPT = `
for table in APIC SRAT SLIT HMAT NFIT CEDT; do
  file=/sys/firmware/acpi/tables/$table
  [ -e $file ] && echo "$file:$(base64 $file | tr -d '\\n')"
done`

/** Undefined where Linux hands out no tables, as with `acpi=off`. */
export function tablesOf(files: Files): HardwareView | undefined {
  const table = (name: string) => Buffer.from(files.get(`/sys/firmware/acpi/tables/${name}`) ?? '', 'base64')
  const madt = table('APIC')
  if (madt.length === 0) return undefined
  const srat = parseSrat(table('SRAT'))
  const hmat = table('HMAT')
  return {
    cpus: cpusOf(madt, srat),
    ...(srat ? { nodes: nodesOf(srat, madt) } : {}),
    distances: parseSlit(table('SLIT')) ?? [],
    hmat: parseHmat(hmat) ?? [],
    caches: parseHmatCaches(hmat) ?? [],
    initiators: parseHmatInitiators(hmat) ?? [],
    nvdimms: parseNfit(table('NFIT')) ?? [],
    cxl: parseCedt(table('CEDT')) ?? { hostBridges: [], windows: [] },
  }
}

/** The MADT calls a CPU enabled that is there at boot. */
function cpusOf(madt: Buffer, srat: Srat | undefined): readonly GuestCpu[] {
  return (parseMadt(madt) ?? [])
    .toSorted((a, b) => a.apicId - b.apicId)
    .map(({ apicId, isEnabled }) => ({
      apicId,
      node: srat?.cpus.find((c) => c.apicId === apicId)?.node ?? null,
      online: isEnabled,
    }))
}

function nodesOf(srat: Srat, madt: Buffer): NonNullable<HardwareView['nodes']> {
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
