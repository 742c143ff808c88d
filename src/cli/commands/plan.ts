/** `bringup plan`: what a run would do, with every finding, before anything happens. */
import { dirname } from 'node:path'
import { isClean } from '../../diagnostics.ts'
import type { Plan } from '../../plan/plan.ts'
import { quoteCommand } from '../../quote.ts'
import { EXIT_CODES } from '../../runs/verdict.ts'
import { formatBytes, KiB, MiB } from '../../units.ts'
import { acceleratorLabel } from '../accelerator-label.ts'
import { profileOptions, profileWords } from '../build-options.ts'
import type { Command } from '../command.ts'
import { formatDiagnostics } from '../errors.ts'
import { MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { planInvocation } from '../plan-invocation.ts'
import { formatTable } from '../table.ts'
import { UNTIL_OPTIONS } from '../until-options.ts'

export const command: Command = {
  summary: 'show what a run would do, and check it',
  description:
    'Prints the QEMU command ready to paste, the files it needs, every finding about the machine, and what its stores survive. Changes nothing: what a run would fetch, build or make first is listed.',
  options: [
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
      says: 'the same with two nodes and an NVDIMM on the second',
    },
    { command: 'bringup plan --json | jq .diagnostics', says: 'the findings for a program' },
  ],
  rest: 'command for the guest',
  run: async (invocation) => {
    const { options, output } = invocation
    const { plan } = await planInvocation(invocation)
    output.json(plan)
    if (!output.isJson && options.command === true) printCommand(plan, output)
    else if (!output.isJson) print(plan, output)
    return isClean(plan.diagnostics) ? EXIT_CODES.passed : EXIT_CODES.refused
  },
}

function printCommand(plan: Plan, output: Output): void {
  output.print([...fileCommands(plan), quoteCommand(plan.argv).join(' ')].join('\n'))
}

function print(plan: Plan, output: Output): void {
  const { colors } = output
  output.print(
    `${colors.bold(plan.name)} · profile ${plan.profile} · QEMU ${plan.qemu.version} · ${acceleratorLabel(plan)}`,
  )
  output.print(`\n${colors.bold('QEMU command')}`)
  output.print(indentCommand(quoteCommand(plan.argv)))
  if (plan.pending.length > 0) {
    output.print(`\n${colors.bold('Fetched, built or made first by a run')}`)
    for (const { what, bytes } of plan.pending)
      output.print(`  ${what}${bytes === undefined ? '' : `  ${approximate(bytes)}`}`)
  }
  if (plan.files.length > 0) {
    output.print(`\n${colors.bold('Files to make')}`)
    for (const line of fileCommands(plan)) output.print(`  ${line}`)
  }
  if (plan.locks.length > 0) {
    output.print(`\n${colors.bold('Locks')}`)
    for (const lock of plan.locks) output.print(`  ${lock.path}  ${lock.mode}`)
  }
  if (plan.persistence.length > 0) {
    output.print(`\n${colors.bold('What the stores survive')}`)
    const rows = plan.persistence.map((v) => [v.device, v.event, v.answer, v.because])
    output.print(formatTable(['store', 'event', 'kept', 'because'], rows, colors))
  }
  if (plan.diagnostics.length > 0) output.print(`\n${formatDiagnostics(plan.diagnostics, colors)}`)
  else output.print(`\n${colors.green('no findings')}`)
}

const approximate = (bytes: number) =>
  bytes < MiB ? `${Math.ceil(bytes / KiB)}K` : `${(bytes / MiB).toFixed(1)}M`

/** What makes the files that a run would make. */
function fileCommands(plan: Plan): readonly string[] {
  return plan.files.flatMap(({ path, bytes, from }) => {
    const make =
      from === undefined
        ? ['truncate', '-s', formatBytes(bytes), path]
        : ['cp', '--sparse=always', from, path]
    return [['mkdir', '-p', dirname(path)], make].map((argv) => quoteCommand(argv).join(' '))
  })
}

/** An option with its value a line, so that a long command can be read. */
function indentCommand(words: readonly string[]): string {
  const lines: string[] = []
  for (const word of words) {
    if (lines.length === 0 || word.startsWith('-')) lines.push(word)
    else lines[lines.length - 1] += ` ${word}`
  }
  return lines.map((line) => `  ${line}`).join(' \\\n')
}
