/** `bringup plan`: what a run would do, with every finding, before anything happens. */
import { dirname } from 'node:path'
import { formatCpuList } from '../../cpu-list.ts'
import { isClean } from '../../diagnostics.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { previewOf } from '../../network/host/preview.ts'
import { folderSocket, type GuestPlan } from '../../plan/plan.ts'
import type { RunPlan } from '../../plan/run-plan.ts'
import { quoteCommand } from '../../quote.ts'
import { conditionText } from '../../rack/condition-text.ts'
import { formatBytes, formatRoundBytes, KiB, MiB } from '../../units.ts'
import { profileOptions, profileWords } from '../build-options.ts'
import type { Command } from '../command.ts'
import { formatDiagnostics } from '../errors.ts'
import { MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { planInvocation } from '../plan-invocation.ts'
import { RACK_OPTION } from '../rack-option.ts'
import { headline } from '../run-report.ts'
import { formatTable } from '../table.ts'
import { UNTIL_OPTIONS } from '../until-options.ts'
import { fitCommand } from '../width.ts'

export const command: Command = {
  summary: 'check a machine, and show what a run would do',
  description:
    'Prints the QEMU command ready to paste, the files it needs, every finding about the machine, and what its stores survive. Lists what a run would download, build or create first. Changes nothing.',
  options: [
    RACK_OPTION,
    ...MACHINE_OPTIONS,
    ...UNTIL_OPTIONS,
    { flags: '--command', description: 'print the QEMU command alone, on one line' },
  ],
  moreOptions: (peek) => profileOptions(peek, MACHINE_OPTIONS),
  rewrite: (peek, words) => profileWords(peek, words, 'plan'),
  examples: [
    { command: 'bringup plan', says: 'check the default machine' },
    {
      command: 'bringup plan --numa 2 --nvdimm 256M,node=1',
      says: 'with two nodes and an NVDIMM on the second',
    },
    { command: 'bringup plan --rack pair', says: 'every machine of a rack' },
    { command: 'bringup plan --json | jq .diagnostics', says: 'the findings for a program' },
  ],
  rest: 'command for the guest',
  run: async (invocation) => {
    const { options, output } = invocation
    const { plan, guests } = await planInvocation(invocation)
    for (const note of guests.flatMap(({ notes = [] }) => notes)) output.note(output.errorColors.dim(note))
    if (output.isJson) output.json((await import('../../plan/seal.ts')).sealPlan(plan))
    if (!output.isJson && options.command === true) printCommand(plan, output)
    else if (!output.isJson) print(plan, output)
    return isClean(plan.diagnostics) ? EXIT_CODES.passed : EXIT_CODES.refused
  },
}

function printCommand({ guests }: RunPlan, output: Output): void {
  const lines = guests.flatMap((guest) => [...fileCommands(guest), quoteCommand(guest.argv).join(' ')])
  output.raw(`${lines.join('\n')}\n`)
}

function print(plan: RunPlan, output: Output): void {
  const { colors } = output
  printHostNetworks(plan, output)
  printServices(plan, output)
  printPlaces(plan, output)
  for (const [index, guest] of plan.guests.entries()) {
    if (index > 0) output.print('')
    if (plan.isRack || guest.command.length > 0) printSeat(guest, output)
    printGuest(guest, output)
  }
  if (plan.pending.length > 0) {
    output.print(`\n${colors.bold('Downloaded, built or created first by a run')}`)
    for (const { what, bytes } of plan.pending)
      output.print(`  ${what}${bytes === undefined ? '' : `  ${approximate(bytes)}`}`)
  }
  if (plan.diagnostics.length > 0) output.print(`\n${formatDiagnostics(plan.diagnostics, output)}`)
  else output.print(`\n${colors.green('no findings')}`)
}

/** What is made on this computer for host networks; names in braces are those of the run. */
function printHostNetworks({ networks }: RunPlan, output: Output): void {
  const bridged = networks.filter(({ host }) => host)
  if (bridged.length === 0) return
  output.print(output.colors.bold('Host networks: made for the run, and removed with it'))
  for (const plan of bridged) {
    const commands = previewOf(plan)
    output.print(`  ${plan.name}  ${plan.subnet}`)
    for (const { argv, asRoot } of commands)
      output.print(`    ${asRoot ? 'as root: ' : ''}${quoteCommand(argv).join(' ')}`)
  }
  output.print('')
}

/** Programs beside the guests, and the memory that guests share. */
function printServices({ services, guests }: RunPlan, output: Output): void {
  const { colors } = output
  if (services.length > 0) {
    output.print(colors.bold('Services'))
    for (const { name, argv } of services) output.print(`  ${name}  ${quoteCommand(argv).join(' ')}`)
    output.print('')
  }
  printDaemons(guests, output)
  const joins = guests.flatMap(({ guest, joins: own }) => own.map((join) => ({ guest, ...join })))
  const memories = new Map(
    joins.flatMap((join) => (join.memory ? [[join.resource, join.memory] as const] : [])),
  )
  if (memories.size === 0) return
  output.print(colors.bold('Shared memory'))
  for (const [resource, { size, vectors }] of memories) {
    const of = joins
      .filter((join) => join.kind === 'memory' && join.resource === resource)
      .map(({ guest }) => guest)
    const server = vectors === undefined ? '' : `, ${vectors} vectors, with a server`
    output.print(`  ${resource}  ${formatBytes(size)}${server}  ${of.join(', ')}`)
  }
  output.print('')
}

/** Which cores and memory of this computer the guests get. */
function printPlaces({ guests }: RunPlan, output: Output): void {
  const rows = guests.flatMap(({ guest, placement, pins }) =>
    (placement?.parts ?? []).map(({ node, cpus, onNodes, memoryNodes, bytes }) => {
      const own = pins.filter(({ cpu }) => cpus.includes(cpu)).flatMap(({ hostCpus }) => hostCpus)
      return [
        node === undefined ? guest : `${guest}, node ${node}`,
        formatCpuList(cpus) || '-',
        `${formatCpuList(own) || '-'}${placement?.cores === 'shared' ? ', shared' : ''}`,
        formatCpuList(onNodes),
        memoryNodes === undefined ? 'any' : formatCpuList(memoryNodes),
        formatRoundBytes(bytes),
      ]
    }),
  )
  if (rows.length === 0) return
  output.print(output.colors.bold('Placement on this computer'))
  const head = ['guest', 'its CPUs', 'CPUs here', 'node', 'memory from', 'memory']
  output.print(`${formatTable(head, rows, output)}\n`)
}

/** What serves folders, as it is started before the QEMU command above is pasted. */
function printDaemons(guests: RunPlan['guests'], output: Output): void {
  const daemons = guests
    .flatMap(({ joins }) => joins)
    .flatMap(({ device, daemon }) =>
      daemon ? [daemon.map((word) => word.replace('{folder}/socket', folderSocket(device)))] : [],
    )
  if (daemons.length === 0) return
  output.print(output.colors.bold('Folders, served by'))
  for (const daemon of daemons) output.print(`  ${quoteCommand(daemon).join(' ')}`)
  output.print('')
}

/** Its place in the run: when it starts, what it runs. */
function printSeat({ guest, after, command, counts }: GuestPlan, output: Output): void {
  const parts = [
    ...(after.length === 0 ? [] : [`starts after ${after.map(conditionText).join(', ')}`]),
    ...(command.length === 0 ? [] : [`runs ${quoteCommand(command).join(' ')}`]),
    ...(counts ? [] : ['its verdict does not count']),
  ]
  output.print(output.colors.bold(`guest ${guest}`))
  for (const part of parts) output.print(`  ${part}`)
}

function printGuest(plan: GuestPlan, output: Output): void {
  const { colors } = output
  output.print(headline(plan, output))
  output.print(`\n${colors.bold('QEMU command')}`)
  output.print(indentCommand(quoteCommand(plan.argv), output.columns))
  if (plan.files.length > 0) {
    output.print(`\n${colors.bold('Files to create')}`)
    for (const line of fileCommands(plan)) output.print(fitCommand(`  ${line}`, output.columns))
  }
  if (plan.locks.length > 0) {
    output.print(`\n${colors.bold('Locks')}`)
    for (const lock of plan.locks) output.print(`  ${lock.path}  ${lock.mode}`)
  }
  if (plan.persistence.length > 0) {
    output.print(`\n${colors.bold('What the stores survive')}`)
    const rows = plan.persistence.map((v) => [v.device, v.event, v.answer, v.because])
    output.print(formatTable(['store', 'event', 'kept', 'because'], rows, output))
  }
}

const approximate = (bytes: number) =>
  bytes < MiB ? `${Math.ceil(bytes / KiB)}K` : `${(bytes / MiB).toFixed(1)}M`

/** What makes the files that a run would make. */
function fileCommands(plan: GuestPlan): readonly string[] {
  return plan.files.flatMap(({ path, bytes, from }) => {
    const make =
      from === undefined
        ? ['truncate', '-s', formatBytes(bytes), path]
        : ['cp', '--sparse=always', from, path]
    return [['mkdir', '-p', dirname(path)], make].map((argv) => quoteCommand(argv).join(' '))
  })
}

/** An option with its value a line, so that a long command can be read. */
function indentCommand(words: readonly string[], columns: number): string {
  const lines: string[] = []
  for (const word of words) {
    if (lines.length === 0 || word.startsWith('-')) lines.push(word)
    else lines[lines.length - 1] += ` ${word}`
  }
  return lines.map((line) => fitCommand(`  ${line}`, columns - 2)).join(' \\\n')
}
