/** What `bringup run` prints when the run has ended: header, what the guest found, the comparison, the verdict. */
import { relative } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import { problems } from '../guest/conclude.ts'
import { problems as judged } from '../guest/judge-problems.ts'
import type { GuestResult } from '../guest/record.ts'
import type { GuestView } from '../machine/guest-view.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { PlannedGuest } from '../project/planning.ts'
import { formatBytes, formatMs, formatRoundBytes } from '../units.ts'
import { acceleratorLabel } from './accelerator-label.ts'
import { comparisonView } from './comparison-view.ts'
import { formatDiagnostics } from './errors.ts'
import type { Output } from './output.ts'
import { formatTable } from './table.ts'

/** Findings of the comparison, which a command's own exit code does not tell. */
const DOUBTS = new Set<string>([problems.GUEST_DIFFERS.code, problems.GUEST_NOT_COMPARED.code])

/** Findings that are shown beside the output of a command, whatever its exit code. */
const BESIDE = /^(?:KERNEL_|FOLDER_)/

/** Results go to stdout, findings and the verdict to stderr. With a command, its output is the result. */
export function reportRun(
  { plan }: Pick<PlannedGuest, 'plan'>,
  result: GuestResult,
  { isCommand, isSession }: { readonly isCommand: boolean; readonly isSession: boolean },
  output: Output,
): void {
  const { errorColors } = output
  // A command's output is the result, unless it is about the machine that the command ran on.
  const isDoubted = result.diagnostics.some((d) => DOUBTS.has(d.code))
  const isQuiet = isCommand && !isDoubted && isOfCommand(result)
  const isCompared = (result.comparison ?? result.notCompared) !== undefined
  if (!isQuiet) {
    if (isCommand) output.print(headline(plan, output))
    if (result.guest !== undefined) output.print(`\n${describeView(result.guest as GuestView, output)}`)
    if (isCompared) output.print(`\n${comparisonView(result, output)}`)
    if (result.guest !== undefined)
      for (const line of memories(plan, result.guest as GuestView)) output.print(line)
  }
  // The command's output is the result then; what --verify found is said beside it.
  if (isQuiet && isCompared) output.note(comparisonView(result, output.errorPage))
  const diagnostics = result.diagnostics as readonly Diagnostic[]
  // The exit code of the command does not reflect reports of the kernel.
  const shown = isQuiet ? diagnostics.filter((d) => BESIDE.test(d.code)) : diagnostics
  if (shown.length > 0) output.error(`\n${formatDiagnostics(shown, output.errorPage)}`)
  const paint =
    { passed: errorColors.green, interrupted: errorColors.yellow }[result.verdict as string] ??
    errorColors.red
  if (!isQuiet || isSession)
    output.note(
      `${isQuiet ? '' : '\n'}${paint(errorColors.bold(result.verdict))} ${result.meaning} ${errorColors.dim(`· ${formatMs(result.timings.totalMs)} · ${shortPath(result.folder)}`)}`,
    )
}

/** Whether the exit code of the command says it all. */
function isOfCommand({ verdict, diagnostics, guestCode }: GuestResult): boolean {
  if (verdict !== 'failed') return verdict === 'passed'
  const errors = diagnostics.filter((d) => d.severity === 'error' && !BESIDE.test(d.code))
  if (errors.length === 0) return true
  return guestCode !== undefined && errors.every((d) => d.code === judged.GUEST_FAILED.code)
}

/** Which machine runs where: the first line of a run, and of a plan. */
export function headline(plan: GuestPlan, { colors }: Output): string {
  const parts = [`profile ${plan.profile}`, `QEMU ${plan.qemu.version}`, acceleratorLabel(plan)]
  return `${colors.bold(plan.name)} ${colors.dim(`· ${parts.join(' · ')}`)}`
}

/** From the current folder, where that is shorter. */
export function shortPath(path: string): string {
  const near = relative(process.cwd(), path)
  return near !== '' && near.length < path.length ? near : path
}

/** What the guest found, node by node. */
function describeView(view: GuestView, output: Output): string {
  const rows = (view.nodes ?? []).map(({ node, bytes }) => {
    const cpus = (view.cpus ?? []).filter((c) => (c.node ?? 0) === node)
    const stores = (view.nvdimms ?? []).filter((n) => (n.node ?? 0) === node)
    return [
      `${node}`,
      cpus.map((c) => c.apicId).join(' ') || '-',
      formatRoundBytes(bytes),
      stores.map((s) => formatBytes(s.bytes)).join(' ') || '-',
      view.distances?.[node]?.join(' ') ?? '-',
    ]
  })
  return formatTable(['node', 'CPUs', 'memory', 'NVDIMM', 'distances'], rows, output)
}

/** What each NVDIMM remembers of earlier boots. */
function memories(plan: GuestPlan, view: GuestView): readonly string[] {
  const named = plan.machine.devices.filter((d) => d.kind === 'nvdimm')
  return (view.nvdimms ?? [])
    .toSorted((a, b) => a.handle - b.handle)
    .flatMap(({ state, boots }, index) => {
      const name = `NVDIMM ${named[index]?.id ?? index}`
      if (state === 'kept') return [`\n${name} kept what the last boot wrote: this is boot ${boots}.`]
      if (state === 'new')
        return [`\n${name} is new: this is its first boot. Run it again to see what it remembers.`]
      if (state === 'foreign') return [`\n${name} holds data of another program; it was not touched.`]
      if (state === 'bad') return [`\n${name} could not be read by the guest.`]
      return []
    })
}
