/** `bringup test`: the steps of a kernel's test, one line each. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { problems as judged } from '../../guest/judge-problems.ts'
import { LaunchError } from '../../guest/launch.ts'
import { momentOf } from '../../guest/moment.ts'
import type { GuestResult } from '../../guest/record.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { screenLine } from '../../guest-text.ts'
import { junit, tap } from '../../kernel-tests/reports.ts'
import { runSteps, type StepResult } from '../../kernel-tests/run-steps.ts'
import { sumOfPoints, type TestStep } from '../../kernel-tests/steps.ts'
import type { PlannedRun } from '../../project/run-planning.ts'
import { startRun } from '../../runs/run.ts'
import { formatMs } from '../../units.ts'
import { planAndBuild } from '../build-first.ts'
import { profileOptions } from '../build-options.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { notComparedLines } from '../comparison-view.ts'
import { formatDiagnostics } from '../errors.ts'
import { MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { isJunit } from '../own-outputs.ts'
import { requestOf } from '../plan-invocation.ts'
import { shortPath } from '../run-report.ts'
import { checkNamedFile, type NamedFile, writeNamedFile } from '../write-file.ts'

export const problems = defineDiagnostics({
  TEST_MISSING: {
    title: 'The project describes no test of its kernel.',
    why: '`bringup test` does the steps that `kernel.test` of the config lists',
    remedy: "add steps: kernel: { image: '…', test: [{ expect: 'login:' }, { type: 'root\\n' }] }",
  },
  TEST_RACK: {
    title: 'The test of a kernel on a rack.',
    why: 'its steps are done in one guest',
    remedy: 'name a machine, or write the test of a rack in TypeScript with `bringup/test`',
  },
})

const TEST_OPTIONS: readonly OptionSpec[] = [
  { flags: '--no-build', description: 'boot the last build' },
  { flags: '--tap', description: 'print the results as TAP (testanything.org)' },
  {
    flags: '--junit <file>',
    description: 'write the results to this file as XML, as JUnit does',
    from: 'files',
  },
  { flags: '-v, --verbose', description: 'show the commands of the build' },
  ...MACHINE_OPTIONS,
]

export const command: Command = {
  summary: 'test a kernel by the steps that its config lists',
  description:
    'Builds, boots the machine, and does the steps of `kernel.test` one after another: a line for each. A step that fails ends the test, and a crash of the guest fails it. Time limits count the time that the guest had, so a slow or loaded computer gives the same result.',
  options: TEST_OPTIONS,
  moreOptions: (peek) => profileOptions(peek, TEST_OPTIONS),
  examples: [
    { command: 'bringup test', says: 'on the default machine' },
    {
      command: 'bringup test -m small --junit results.xml',
      says: 'on another machine, with a report for CI',
    },
    { command: 'bringup test --json', says: 'with points for each step, for a course' },
  ],
  run: test,
}

async function test(invocation: Invocation): Promise<number> {
  const { options, output } = invocation
  const report: NamedFile | undefined =
    typeof options.junit === 'string'
      ? { option: '--junit', path: options.junit, isOurs: isJunit }
      : undefined
  if (report) checkNamedFile(report)
  const request = await requestOf(invocation, TEST_OPTIONS)
  const steps = request.project.kernel?.test
  if (!steps)
    throw new BringupError([problems.TEST_MISSING.at('kernel.test', 'the config has no kernel.test')])
  const { made } = await planAndBuild(request, output, {
    isBuilt: options.build !== false,
    isVerbose: options.verbose === true,
    progress: undefined,
  })
  if (made.plan.isRack) throw new BringupError([problems.TEST_RACK.at('', 'a rack was chosen')])
  const isShown = !output.isJson && options.tap !== true
  const done = await runTest(endedBySteps(made), steps, (step) => isShown && show(step, output), invocation)
  const { results, points, of, diagnostics, notCompared, folder } = done
  const isPassed =
    diagnostics.length === 0 && results.every((step) => step.result === 'passed' || step.result === 'done')
  const suite = made.plan.guests[0]?.name ?? ''
  if (report) writeNamedFile(report, junit(suite, results))
  if (options.tap === true && !output.isJson) output.raw(tap(results))
  if (diagnostics.length > 0 && !output.isJson)
    output.error(`\n${formatDiagnostics(diagnostics, output.errorPage)}`)
  const exitCode = isPassed ? EXIT_CODES.passed : EXIT_CODES.failed
  const verdict = isPassed ? 'passed' : 'failed'
  const unproven = notCompared === undefined ? {} : { notCompared }
  output.json({ exitCode, verdict, points, of, steps: results, diagnostics, ...unproven, folder })
  if (isShown) conclude({ ...done, isPassed }, output)
  return exitCode
}

/** A text that else proves a pass would end the guest before its steps are done. */
function endedBySteps({ plan, guests }: PlannedRun): PlannedRun {
  const seats = guests.map((seat) => {
    const { passPatterns: _, ...judgement } = seat.plan.judgement
    return { ...seat, plan: { ...seat.plan, judgement } }
  })
  return { plan: { ...plan, guests: seats.map((seat) => seat.plan) }, guests: seats }
}

interface TestRun {
  readonly results: readonly StepResult[]
  readonly points: number
  readonly of: number
  /** Why the guest has failed whatever its steps say: a crash, a report of its kernel. */
  readonly diagnostics: readonly Diagnostic[]
  readonly notCompared: GuestResult['notCompared']
  readonly folder: string
}

async function runTest(
  made: PlannedRun,
  steps: readonly TestStep[],
  onStep: (step: StepResult) => void,
  { project, signal }: Invocation,
): Promise<TestRun> {
  const { stateFolder } = await project()
  const run = startRun(made, { stateFolder, signal })
  const guest = await run.guest(made.plan.guests[0]?.guest ?? '').catch(async (error: unknown) => {
    await run.done
    throw error instanceof LaunchError ? new BringupError(error.diagnostics) : error
  })
  // Steps of a test that is interrupted have neither passed nor failed.
  const results = await runSteps(guest, steps, (step) => signal.aborted || onStep(step))
  // What happens right after the last step counts: a crash, or the end of the guest. QEMU tells it before it answers.
  await momentOf(guest.qemu.pid)
  await guest.qemu.qmp.execute('stop').catch(() => undefined)
  await run.close()
  const result = await guest.done
  const { verdict, diagnostics, notCompared, comparison } = result
  signal.throwIfAborted()
  // A guest that was closed has neither passed nor failed by itself: the steps decide.
  const hasFailed = verdict !== 'interrupted' && verdict !== 'passed' && !endedWithoutWord(result)
  return {
    results,
    points: sumOfPoints(results.map((step) => step.points)),
    of: sumOfPoints(results.map((step) => step.of)),
    diagnostics: hasFailed ? (diagnostics as readonly Diagnostic[]) : [],
    // Comparing the hardware is for `run`.
    notCompared: comparison === undefined ? notCompared : undefined,
    folder: run.folder.path,
  }
}

/** It powered off or halted, and said nothing of how it went: the steps said it. */
const endedWithoutWord = ({ verdict, guestCode, diagnostics }: GuestResult): boolean =>
  verdict === 'failed' &&
  guestCode === undefined &&
  diagnostics.every(({ code }) => code === judged.GUEST_FAILED.code || code === judged.GUEST_HALTED.code)

function show(step: StepResult, { print, colors }: Output): void {
  const mark = {
    passed: colors.green('✓'),
    done: colors.dim('·'),
    failed: colors.red('✗'),
    skipped: colors.dim('-'),
  }[step.result]
  const rest = [
    ...(step.where === undefined ? [] : [`on the ${step.where}`]),
    ...(step.of > 0 ? [`${step.points} of ${step.of} points`] : []),
    ...(step.result === 'skipped' ? ['not done'] : [formatMs(step.tookMs)]),
  ]
  print(`${mark} ${screenLine(step.name)} ${colors.dim(`· ${rest.join(' · ')}`)}`)
  if (step.result !== 'failed') return
  print(`  ${step.because ?? ''}`)
  for (const line of step.evidence ?? []) print(colors.dim(`  │ ${screenLine(line)}`))
}

function conclude(
  { results, points, of, notCompared, folder, isPassed }: TestRun & { readonly isPassed: boolean },
  { print, note, colors, errorColors }: Output,
): void {
  for (const line of notComparedLines({ notCompared })) print(colors.dim(line))
  const proofs = results.filter(({ result }) => result !== 'done')
  const passed = proofs.filter(({ result }) => result === 'passed').length
  const verdict = isPassed ? errorColors.green('passed') : errorColors.red('failed')
  const worth = of > 0 ? `, ${points} of ${of} points` : ''
  note(
    `\n${errorColors.bold(verdict)} ${passed} of ${proofs.length} expectations${worth} ${errorColors.dim(`· ${shortPath(folder)}`)}`,
  )
}
