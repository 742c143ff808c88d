/** `bringup runs`: the records of what was booted. */
import { createReadStream } from 'node:fs'
import { pipeline } from 'node:stream/promises'
import { readLines, readTail } from '../../guest/read-log.ts'
import type { GuestResult } from '../../guest/record.ts'
import { logLine } from '../../guest-text.ts'
import type { GuestPlan } from '../../plan/plan.ts'
import { plural } from '../../plural.ts'
import {
  findGuest,
  findRun,
  listRuns,
  pruneRuns,
  type RunSummary,
  readRun,
  unreadableFiles,
} from '../../runs/record.ts'
import { formatMs, roundSize } from '../../units.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { notComparedLines } from '../comparison-view.ts'
import { formatDiagnostics } from '../errors.ts'
import type { Colors, Output } from '../output.ts'
import { usageError } from '../usage.ts'

const RUN_ARGUMENT = {
  name: '[run]',
  description: 'id, a unique prefix or suffix of one, or `last` (default)',
  from: 'runs',
} as const

const GUEST_OPTION: OptionSpec = {
  flags: '--guest <name>',
  description: 'one guest of the run; without it the only one',
}

/** Runs that `prune` keeps. */
const KEPT_RUNS = 20

const VERDICTS = [
  'passed',
  'failed',
  'crashed',
  'timed-out',
  'machine-failed',
  'interrupted',
  'running',
  'abandoned',
  'elsewhere',
] as const satisfies readonly RunSummary['verdict'][]

export const command: Command = {
  summary: 'list, show and delete records of runs',
  description: 'Every run writes a folder with its plan, its console log and its result.',
  options: [
    { flags: '-n, --last <count>', description: 'list only the newest ones' },
    { flags: '--sweep <sweep>', description: 'list only the runs of this sweep', from: 'sweep records' },
    { flags: '--verdict <verdict>', description: 'list only runs with this verdict', choices: VERDICTS },
  ],
  examples: [
    { command: 'bringup runs', says: 'the runs of this project and their verdicts' },
    { command: 'bringup runs show last', says: 'the newest run in full' },
    { command: 'bringup runs --sweep last --verdict crashed', says: 'runs of a sweep that crashed' },
    { command: 'bringup runs show last --console', says: 'its console log' },
    {
      command: 'less "$(bringup runs path last --guest default)"/qemu.log',
      says: 'look into the folder of a guest',
    },
    { command: 'bringup runs prune --keep 10', says: 'delete all but the newest ten' },
  ],
  run: list,
  subcommands: {
    show: {
      summary: 'print one run',
      arguments: [RUN_ARGUMENT],
      options: [
        {
          flags: '--console',
          description: 'print the console log as a screen would show it',
        },
        GUEST_OPTION,
        { flags: '--raw', description: 'with --console: every byte as it came, escape sequences included' },
      ],
      examples: [{ command: 'bringup runs show last --json', says: 'the newest run as JSON' }],
      run: show,
    },
    path: {
      summary: 'print the folder of one run',
      arguments: [RUN_ARGUMENT],
      options: [GUEST_OPTION],
      examples: [{ command: 'ls "$(bringup runs path)"', says: 'the files of the newest run' }],
      run: path,
    },
    prune: {
      summary: `delete old runs: the newest ${KEPT_RUNS} (or --keep) and running ones stay`,
      options: [
        {
          flags: '--keep <count>',
          description: `how many of the newest runs to keep (default: ${KEPT_RUNS})`,
        },
      ],
      examples: [{ command: 'bringup runs prune --keep 0', says: 'delete them all' }],
      run: prune,
    },
  },
}

async function list({ options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const runs = await chosen(listRuns(stateFolder), stateFolder, options)
  const shown =
    options.last === undefined ? runs : runs.slice(Math.max(0, runs.length - countOf('--last', options.last)))
  const unreadable = unreadableFiles(stateFolder)
  output.json({ runs: shown, ...(unreadable.length > 0 ? { unreadable } : {}) })
  for (const file of unreadable) output.note(`cannot be read: ${file}`)
  if (output.isJson) return 0
  if (shown.length === 0) {
    output.note('No runs yet; start one with `bringup run`.')
    return 0
  }
  const { formatTable } = await import('../table.ts')
  const rows = shown.map((r) => [
    r.id,
    r.name,
    r.profiles.join(', '),
    paintVerdict(r, output.colors),
    seconds(r.totalMs),
    r.meaning ?? '',
  ])
  output.print(formatTable(['run', 'machine or rack', 'profile', 'verdict', 'took', ''], rows, output))
  return 0
}

/** The runs that `--sweep` and `--verdict` leave. */
async function chosen(
  runs: readonly RunSummary[],
  stateFolder: string,
  { sweep, verdict }: Invocation['options'],
): Promise<readonly RunSummary[]> {
  const own = typeof sweep === 'string' ? await runsOfSweep(stateFolder, sweep) : undefined
  return runs.filter((one) => (own?.(one) ?? true) && (verdict === undefined || one.verdict === verdict))
}

/** Those of attempts, and those that run or were killed. */
async function runsOfSweep(stateFolder: string, sweep: string): Promise<(run: RunSummary) => boolean> {
  const { findSweep, readAttempts } = await import('../../sweeps/record.ts')
  const folder = findSweep(stateFolder, sweep)
  const ids = new Set(readAttempts(folder).map(({ run }) => run))
  return (run) => run.sweep === folder.id || ids.has(run.id)
}

async function show({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const run = findRun(stateFolder, args[0] ?? 'last')
  if (options.console === true) {
    const folder = findGuest(run, guestOf(options))
    if (options.raw === true)
      await pipeline(createReadStream(folder.consoleLog), process.stdout, { end: false })
    else if (output.isJson) output.json({ console: readTail(folder.consoleLog).toString() })
    else for (const line of readLines(folder.consoleLog)) output.raw(`${logLine(line)}\n`)
    return 0
  }
  if (options.raw === true) throw usageError('--raw is only for --console')
  const { summary, plan, result } = readRun(run)
  output.json({ ...summary, plan, ...(result ? { result } : {}) })
  if (output.isJson) return 0
  const wanted = guestOf(options)
  if (wanted !== undefined) findGuest(run, wanted)
  const { colors } = output
  const field = (name: string, value: string) => output.print(`${colors.dim(name.padEnd(12))}${value}`)
  field('run', summary.id)
  field(
    'verdict',
    `${paintVerdict(summary, colors)}${summary.meaning === undefined ? '' : `: ${summary.meaning}`}`,
  )
  if (result) field('exit code', `${result.exitCode}`)
  field(plan.isRack ? 'rack' : 'machine', summary.name)
  field('started', summary.startedAt)
  if (result) field('took', seconds(result.timings.totalMs))
  field('folder', summary.folder)
  for (const guest of plan.guests)
    if (wanted === undefined || guest.guest === wanted)
      showGuest(guest, result?.guests.find((g) => g.guest === guest.guest)?.result, output)
  if (result && result.diagnostics.length > 0)
    output.print(`\n${formatDiagnostics(result.diagnostics, output)}`)
  return 0
}

/** One guest of the run: what it was, and how it ended. */
function showGuest(plan: GuestPlan, result: GuestResult | undefined, output: Output): void {
  const { colors } = output
  output.print(
    `\n${colors.bold(plan.guest)} ${colors.dim(`· profile ${plan.profile} · QEMU ${plan.qemu.version} · ${plan.accelerator.name}`)}`,
  )
  const code = result?.guestCode === undefined ? '' : `, code of the guest ${result.guestCode}`
  output.print(
    result
      ? `  ${result.verdict}: ${result.meaning} (exit code ${result.exitCode}${code}, ran ${seconds(result.timings.runMs)})`
      : '  no result',
  )
  for (const item of result?.comparison ?? []) {
    const mark = item.ok ? colors.green('✓') : colors.red('✗')
    const seen = item.ok ? roundSize(item.want) : `asked for ${item.want}, saw ${item.got ?? 'nothing'}`
    output.print(`  ${mark} ${item.device} ${item.aspect}: ${seen} ${colors.dim(`(${item.by})`)}`)
  }
  for (const line of result ? notComparedLines(result) : []) output.print(`  ${colors.dim(line)}`)
}

async function path({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const run = findRun(stateFolder, args[0] ?? 'last')
  const guest = guestOf(options)
  const folder = guest === undefined ? run.path : findGuest(run, guest).path
  output.json({ id: run.id, folder })
  if (!output.isJson) output.raw(`${folder}\n`)
  return 0
}

function guestOf({ guest }: Invocation['options']): string | undefined {
  return typeof guest === 'string' ? guest : undefined
}

async function prune({ options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const keep = options.keep === undefined ? KEPT_RUNS : countOf('--keep', options.keep)
  const deleted = pruneRuns(stateFolder, keep)
  output.json({ deleted: deleted.map((r) => r.id) })
  output.print(`deleted ${plural(deleted.length, 'run')}; the newest ${keep} are kept`)
  return 0
}

function countOf(option: string, value: unknown): number {
  if (typeof value === 'string' && /^\d{1,9}$/.test(value)) return Number(value)
  throw usageError(`${option} wants a whole number, not "${String(value)}"`)
}

function paintVerdict(run: RunSummary, colors: Colors): string {
  if (run.verdict === 'passed') return colors.green(run.verdict)
  return ['running', 'interrupted', 'elsewhere'].includes(run.verdict)
    ? colors.yellow(run.verdict)
    : colors.red(run.verdict)
}

function seconds(ms: number | undefined): string {
  return ms === undefined ? '' : formatMs(ms)
}
