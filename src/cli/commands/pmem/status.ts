/** `bringup pmem status`: whether the kernel took the regions. Changes nothing. */
import { type Diagnostic, isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { readKernel } from '../../../host/kernel.ts'
import { isDax, mountAt } from '../../../host/mounts.ts'
import { deviceOf, emulatedDevices, type PmemDevice } from '../../../pmem/devices.ts'
import { mountsOf } from '../../../pmem/mounts.ts'
import { type JournalledRegion, OPERATION_NAME, regionsOf } from '../../../pmem/operation.ts'
import { memmapWord } from '../../../pmem/parse-parameters.ts'
import { inGiB } from '../../../pmem/region-rules.ts'
import { askKernel } from '../../../pmem/steps/pmem-device.ts'
import { createHostReader, type HostReader } from '../../../steps/host-reader.ts'
import type { Operation } from '../../../steps/journal.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'

export const status: Command = {
  summary: 'show what the kernel made of it, and what is to be done next',
  examples: [
    { command: 'bringup pmem status', says: 'after the reboot: devices, nodes, mounts, or what went wrong' },
    { command: 'bringup pmem status --json', says: 'for a script that waits for it' },
  ],
  run,
}

interface RegionReport {
  readonly start: number | null
  readonly bytes: number
  readonly parameter: string | null
  readonly state: 'ready' | 'awaiting-reboot' | 'failed' | 'not-ours'
  readonly device: string | null
  readonly node: number | null
  readonly mountPoint: string | null
  readonly isDax: boolean
  readonly evidence: readonly string[]
}

async function run({ output, signal }: Invocation): Promise<number> {
  const host = createHostReader(signal)
  const operation = currentOperation(OPERATION_NAME)
  const ours = operation ? regionsOf(operation) : []
  const asked = await Promise.all(ours.map((region) => reportOf(region, host)))
  const others = emulatedDevices(host).filter((d) => !ours.some(({ region }) => deviceOf(region, [d])))
  const reports = [...asked.map((a) => a.report), ...others.map((device) => otherReport(device, host))]
  // Before the reboot it is no finding that there was none.
  const isSameBoot = operation?.rebootsAfter === readKernel().bootId
  const diagnostics = asked
    .flatMap((a) => a.diagnostics)
    .filter((d) => !(isSameBoot && d.code === 'PMEM_REBOOT_DUE'))
  const next = nextOf(operation, reports)
  output.json({
    operation: operation?.id ?? null,
    state: operation?.state ?? 'none',
    regions: reports,
    next,
    diagnostics,
  })
  for (const report of reports) output.print(lineOf(report))
  for (const line of reports.flatMap((r) => r.evidence)) output.print(`  ${output.colors.dim(line)}`)
  if (reports.length === 0) output.print('No persistent memory is made of RAM here.')
  output.print(next)
  if (diagnostics.length > 0 && !output.isJson)
    output.note(`\n${formatDiagnostics(diagnostics, output.errorPage)}`)
  return isClean(diagnostics) ? EXIT_CODES.passed : EXIT_CODES.refused
}

async function reportOf(
  { region, mountPoint }: JournalledRegion,
  host: HostReader,
): Promise<{ report: RegionReport; diagnostics: readonly Diagnostic[] }> {
  const { state, device, evidence, diagnostics } = await askKernel(region, host)
  const mount = mountPoint === undefined ? undefined : mountAt(mountPoint, mountsOf(host))
  const isMounted = mount !== undefined && mount.source === device?.path
  const report: RegionReport = {
    start: region.start,
    bytes: region.bytes,
    parameter: memmapWord(region),
    state,
    device: device?.path ?? null,
    node: device?.node ?? region.node ?? null,
    mountPoint: isMounted ? (mountPoint ?? null) : null,
    isDax: isMounted && isDax(mount),
    evidence,
  }
  return { report, diagnostics }
}

/** Made by another program, or left until the next reboot. */
function otherReport(device: PmemDevice, host: HostReader): RegionReport {
  const mount = mountsOf(host).find((m) => m.source === device.path)
  return {
    start: device.start ?? null,
    bytes: device.bytes,
    parameter: device.start === undefined ? null : memmapWord({ start: device.start, bytes: device.bytes }),
    state: 'not-ours',
    device: device.path ?? null,
    node: device.node,
    mountPoint: mount?.point ?? null,
    isDax: mount !== undefined && isDax(mount),
    evidence: [],
  }
}

function lineOf(report: RegionReport): string {
  const { parameter, bytes, state, device, node, mountPoint } = report
  const words = {
    ready: 'persistent (type 12)',
    'awaiting-reboot': 'after the next reboot',
    failed: 'failed',
    'not-ours': 'persistent (type 12), not by an operation of this user',
  }[state]
  const where = [device ?? 'no device', ...(node === null ? [] : [`node ${node}`])].join(', ')
  const mounted =
    mountPoint === null ? 'not mounted' : `${mountPoint}${report.isDax ? ' with DAX' : ' without DAX'}`
  return `${parameter ?? inGiB(bytes)}: ${words}; ${where}; ${mounted}`
}

/** One line: what a person does now. */
function nextOf(operation: Operation | undefined, reports: readonly RegionReport[]): string {
  if (!operation)
    return reports.some((r) => r.state === 'not-ours')
      ? 'A reboot gives the RAM back, if its parameter is gone from the boot loader.'
      : 'Next: bringup pmem plan --size 1G'
  if (reports.some((r) => r.state === 'awaiting-reboot')) return 'Next: reboot, then bringup resume'
  if (reports.some((r) => r.state === 'failed')) return 'Next: bringup pmem undo'
  if (operation.state !== 'done') return 'Next: bringup resume'
  const mounted = reports.find((r) => r.isDax)
  return mounted
    ? `Next: bringup run --nvdimm ${offer(mounted)}`
    : 'Next: mount it, or give it to a machine as it is'
}

/** An NVDIMM for a machine, whose store lies there. Flags separate by commas, so none may be in the path. */
function offer({
  bytes,
  mountPoint,
}: {
  readonly bytes: number
  readonly mountPoint: string | null
}): string {
  // Room for the file system's own structures.
  const quarter = Math.max(128, 2 ** Math.floor(Math.log2(bytes / 2 ** 20 / 2)))
  const size = quarter >= 1024 ? `${quarter / 1024}G` : `${quarter}M`
  return `${size},file=${mountPoint ?? ''}/vm1,pmem=on`
}
