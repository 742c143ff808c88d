/** `bringup sweep`: one test over many machines. */

import { BUILD_ID } from '../../build-id.ts'
import { BringupError } from '../../diagnostics.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { printableJson } from '../../guest-text.ts'
import { plural } from '../../plural.ts'
import { compareSweeps } from '../../sweeps/compare.ts'
import { EXECUTOR_NAMES } from '../../sweeps/executors.ts'
import { groupFindings } from '../../sweeps/plan-sweep.ts'
import { findSweep, readAttempts, readSweep, type SweepFolder } from '../../sweeps/record.ts'
import {
  findDescription,
  impossibleOf,
  type PlannedSweep,
  planSweep,
  resumable,
  runSweep,
} from '../../sweeps/run-sweep.ts'
import type { Command, Invocation } from '../command.ts'
import { prepareCells } from '../prepare-cells.ts'
import { createStatusLine } from '../status-line.ts'
import { showSweep } from '../sweep-progress.ts'
import { checkReports, REPORT_OPTIONS, writeReports } from '../sweep-reports.ts'
import { comparisonView, findingsView, reportSweep } from '../sweep-view.ts'
import { usageError } from '../usage.ts'
import { attempt } from './sweep/attempt.ts'
import { compare } from './sweep/compare.ts'
import { keep } from './sweep/keep.ts'
import { list } from './sweep/list.ts'
import { report } from './sweep/report.ts'
import { rm } from './sweep/rm.ts'
import { show } from './sweep/show.ts'
import { countOf, readWhole } from './sweep/view.ts'

export const command: Command = {
  summary: 'run one test over many machines',
  description:
    'Plans and checks every cell of the matrix first, then runs each one as an ordinary run with its folder. A sweep that was ended resumes where it stopped. A cell that passed and failed with equal input is flaky, and told apart from one that always fails.',
  arguments: [{ name: '[name]', description: 'a sweep of the project', from: 'sweeps' }],
  options: [
    { flags: '--only <conditions>', description: "cells that meet all of them: --only 'numa>=4,kernel=6.1'" },
    { flags: '--cell <key>', description: 'one cell by its key; see `sweep show --cells`' },
    { flags: '--repeat <count>', description: 'how often each cell runs' },
    { flags: '--jobs <count>', description: 'runs at a time; default: by cores and memory' },
    { flags: '--on <where>', description: 'where it runs (default: local)', choices: [...EXECUTOR_NAMES] },
    {
      flags: '--resume',
      description: 'continue the newest sweep of that name; what failed runs again first',
    },
    {
      flags: '--force',
      description: 'with --resume: also a sweep that another computer ran, if bringup was killed there',
    },
    { flags: '--shuffle', description: 'draw the order of the runs' },
    { flags: '--seed <number>', description: 'with --shuffle: the same number gives the same order' },
    { flags: '--skip-impossible', description: 'run the other cells if some cannot be planned' },
    { flags: '--no-build', description: 'boot the last build' },
    { flags: '--fresh', description: 'boot, even if there is a saved state of the machine' },
    { flags: '--dry-run', description: 'plan and check every cell, and run none' },
    { flags: '--events', description: 'print a line of JSON for each run that starts or ends' },
    ...REPORT_OPTIONS,
  ],
  examples: [
    { command: 'bringup sweep numa --dry-run', says: 'check every cell' },
    { command: 'bringup sweep numa', says: 'run them' },
    { command: "bringup sweep numa --only 'numa>=4' --repeat 10", says: 'some of them, ten times each' },
    { command: 'bringup sweep numa --resume', says: 'continue after Ctrl-C; what failed runs again first' },
    { command: 'bringup sweep numa --on slurm', says: 'on the cluster, as arrays of jobs' },
    { command: 'bringup sweep compare main last', says: 'what changed, and how sure that is' },
  ],
  run,
  subcommands: { list, show, compare, report, keep, rm, attempt },
}

async function run(invocation: Invocation): Promise<number> {
  const { args, options, output, signal } = invocation
  const [name] = args
  if (name === undefined)
    throw usageError('name a sweep', '`bringup sweep list` lists what ran; see also --help')
  if (options.events === true && output.isJson) throw usageError('--events and --json exclude each other')
  checkReports(options)
  const repeat = countOf('--repeat', options.repeat)
  const jobs = countOf('--jobs', options.jobs)
  const seed = seedOf(options)
  const swept = findDescription(await invocation.project(), name)
  const resumed =
    options.resume === true ? resumable(swept.project, name, { isForced: options.force === true }) : undefined
  const status = createStatusLine(output)
  status.phase('planning the cells')
  const plan = () =>
    planSweep(
      swept,
      { only: textOf(options.only), cell: textOf(options.cell), repeat },
      { signal, progress: (done, of) => status.detail(`${done} of ${of}`) },
    ).finally(() => status.clear())
  const early = await plan()
  if (options.dryRun === true) return dryRun(early, invocation)
  refuseImpossible(early, invocation)
  const isPrepared = await prepareCells(early, output, {
    isBuilt: options.build !== false,
    signal,
    progress: (what) => status.phase(what),
  }).finally(() => status.clear())
  // The input of a cell is what was built for it.
  const planned = isPrepared ? await plan() : early
  if (isPrepared) refuseImpossible(planned, invocation)
  const progress = showSweep(output)
  const emit = (event: object) =>
    options.events === true && output.raw(`${printableJson(JSON.stringify({ at: Date.now(), ...event }))}\n`)
  const folder = await runSweep(planned, {
    executor: textOf(options.on) ?? 'local',
    resumed,
    seed,
    jobs,
    isFresh: options.fresh === true,
    signal,
    version: BUILD_ID ?? 'source',
    onReady: (state) => {
      emit({
        type: 'sweep started',
        id: state.folder.id,
        folder: state.folder.path,
        runs: state.tasks.length,
      })
      progress.ready(state)
    },
    onStart: ({ cell, repeat: number, attempt }) =>
      emit({ type: 'attempt started', cell: cell.cell.key, label: cell.cell.label, repeat: number, attempt }),
    onEnd: ({ cell }, attempt) => {
      emit({ type: 'attempt ended', label: cell.cell.label, ...attempt })
      progress.ended(cell.cell.label, attempt)
    },
    onNote: progress.note,
  }).finally(progress.clear)
  return conclude(folder, invocation)
}

const textOf = (value: unknown) => (typeof value === 'string' ? value : undefined)

/** Without `--seed` the time decides; the record has the number. */
function seedOf({ shuffle, seed }: Invocation['options']): number | undefined {
  const given = seed === '0' ? 0 : countOf('--seed', seed)
  if (given !== undefined && shuffle !== true) throw usageError('--seed is only for --shuffle')
  return shuffle === true ? (given ?? Date.now() % 1_000_000_000) : undefined
}

function dryRun(planned: PlannedSweep, { output }: Invocation): number {
  const { cells, swept, selection } = planned
  const errors = groupFindings(cells, impossibleOf)
  const warnings = groupFindings(cells, ({ warnings: found }) => found)
  const possible = cells.filter(({ cell }) => cell.impossible.length === 0)
  const repeat = selection.repeat ?? swept.sweep.repeat
  const exitCode = errors.length > 0 ? EXIT_CODES.refused : EXIT_CODES.passed
  output.json({
    exitCode,
    cells: cells.map(({ cell }) => cell),
    repeat,
    findings: [...errors, ...warnings],
  })
  const all = [...errors, ...warnings]
  if (all.length > 0 && !output.isJson) output.error(findingsView(all, output.errorPage))
  output.print(
    `${swept.name}: ${plural(cells.length, 'cell')}, ${cells.length - possible.length} impossible, ${plural(possible.length * repeat, 'run')}`,
  )
  return exitCode
}

/** @throws BringupError with the errors of the cells, each once */
function refuseImpossible({ cells }: PlannedSweep, { options, output }: Invocation): void {
  const errors = groupFindings(cells, impossibleOf)
  if (errors.length === 0) return
  if (!output.isJson) output.error(`${findingsView(errors, output.errorPage)}\n`)
  const count = cells.filter(({ cell }) => cell.impossible.length > 0).length
  const isAll = count === cells.length
  if (options.skipImpossible === true && !isAll) return
  throw output.isJson
    ? new BringupError(errors.map(({ finding }) => finding))
    : usageError(
        `${count} of ${plural(cells.length, 'cell')} cannot run, for the reasons above`,
        isAll ? 'fix them' : 'fix them, omit them with `except`, or run the others: --skip-impossible',
      )
}

async function conclude(folder: SweepFolder, invocation: Invocation): Promise<number> {
  const { options, output, signal, project } = invocation
  const { record, attempts, summary } = readWhole(folder)
  const { counts } = summary
  const isOpen = summary.done < summary.wanted
  const exitCode = signal.aborted
    ? EXIT_CODES.interrupted
    : counts.failed + counts.flaky > 0 || isOpen
      ? EXIT_CODES.failed
      : EXIT_CODES.passed
  const { stateFolder } = await project()
  const baseline = signal.aborted ? undefined : baselineOf(record.compareWith, { stateFolder, folder })
  const comparison =
    baseline &&
    compareSweeps({ record: readSweep(baseline), attempts: readAttempts(baseline) }, { record, attempts })
  output.json({ exitCode, record, summary, folder: folder.path, ...(comparison ? { comparison } : {}) })
  const isTaken = writeReports(options, { record, summary }, output) || options.events === true
  if (output.isJson || isTaken) return exitCode
  reportSweep({ record, summary, path: folder.path }, output)
  if (record.compareWith !== undefined && !signal.aborted)
    output.print(
      comparison
        ? `\ncompared with ${record.compareWith} (${comparison.before.id})\n${comparisonView(comparison, record.metrics, output)}`
        : record.label === record.compareWith
          ? `\nnot compared: this sweep is the baseline "${record.label}"`
          : `\nno baseline "${record.compareWith}" yet; \`bringup sweep keep ${record.compareWith}\` makes this sweep one`,
    )
  if (isOpen)
    output.note(
      `\nleft: ${plural(summary.wanted - summary.done, 'run')}; bringup sweep ${record.name} --resume`,
    )
  return exitCode
}

function baselineOf(
  label: string | undefined,
  { stateFolder, folder }: { readonly stateFolder: string; readonly folder: SweepFolder },
): SweepFolder | undefined {
  if (label === undefined) return undefined
  try {
    const found = findSweep(stateFolder, label)
    return found.id === folder.id ? undefined : found
  } catch (error) {
    if (error instanceof BringupError) return undefined
    throw error
  }
}
