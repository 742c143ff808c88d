/** `bringup test`: the steps of a kernel's test, one line each. */
import { writeFileSync } from 'node:fs'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { LaunchError } from '../../guest/launch.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { screenLine } from '../../guest-text.ts'
import { junit, tap } from '../../kernel-tests/reports.ts'
import { runSteps, type StepResult } from '../../kernel-tests/run-steps.ts'
import { planOnly, planRun } from '../../project/run-planning.ts'
import { startRun } from '../../runs/run.ts'
import { formatMs } from '../../units.ts'
import { buildFirst, refuseWrong } from '../build-first.ts'
import { profileOptions } from '../build-options.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { MACHINE_OPTIONS } from '../machine-options.ts'
import type { Output } from '../output.ts'
import { requestOf } from '../plan-invocation.ts'
import { shortPath } from '../run-report.ts'

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
    'Builds, boots the machine, and does the steps of `kernel.test` one after another: a line for each. A step that fails ends the test. Time limits count the time that the guest had, so a slow or loaded computer gives the same result.',
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
  const { options, output, signal } = invocation
  const request = await requestOf(invocation, TEST_OPTIONS)
  const steps = request.project.kernel?.test
  if (!steps)
    throw new BringupError([problems.TEST_MISSING.at('kernel.test', 'the config has no kernel.test')])
  const early = await planOnly(request)
  refuseWrong(early)
  if (early.plan.isRack) throw new BringupError([problems.TEST_RACK.at('', 'a rack was chosen')])
  if (options.build !== false)
    await buildFirst(request, output, { isVerbose: options.verbose === true, progress: undefined })
  const run = startRun(await planRun(request), { stateFolder: request.project.stateFolder, signal })
  const [seat] = run.plan.guests
  const guest = await run.guest(seat?.guest ?? '').catch(async (error: unknown) => {
    await run.done
    throw error instanceof LaunchError ? new BringupError(error.diagnostics) : error
  })
  const isShown = !output.isJson && options.tap !== true
  const results = await runSteps(guest, steps, (step) => isShown && show(step, output))
  await run.close()
  const { folder } = await run.done
  signal.throwIfAborted()
  const isPassed = results.every(({ result }) => result === 'passed')
  if (typeof options.junit === 'string') writeFileSync(options.junit, junit(seat?.name ?? 'kernel', results))
  if (options.tap === true && !output.isJson) output.raw(tap(results))
  const points = sum(results.map((step) => step.points))
  const of = sum(results.map((step) => step.of))
  const exitCode = isPassed ? EXIT_CODES.passed : EXIT_CODES.failed
  output.json({ exitCode, verdict: isPassed ? 'passed' : 'failed', points, of, steps: results, folder })
  if (isShown) conclude(results, { points, of, folder }, output)
  return exitCode
}

const sum = (numbers: readonly number[]) => numbers.reduce((total, n) => total + n, 0)

function show(step: StepResult, { print, colors }: Output): void {
  const mark = { passed: colors.green('✓'), failed: colors.red('✗'), skipped: colors.dim('-') }[step.result]
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
  results: readonly StepResult[],
  { points, of, folder }: { readonly points: number; readonly of: number; readonly folder: string },
  { note, errorColors }: Output,
): void {
  const passed = results.filter(({ result }) => result === 'passed').length
  const isPassed = passed === results.length
  const verdict = isPassed ? errorColors.green('passed') : errorColors.red('failed')
  const worth = of > 0 ? `, ${points} of ${of} points` : ''
  note(
    `\n${errorColors.bold(verdict)} ${passed} of ${results.length} steps${worth} ${errorColors.dim(`· ${shortPath(folder)}`)}`,
  )
}
