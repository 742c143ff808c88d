/**
 * `npm test`: its own set-up, then every test. `npm test -- --project unit NAME` narrows it as vitest does.
 * Without a project: all but those that take minutes, which have commands of their own (`npm run test:pmem`,
 * `npm run test:walk`, `npm run test:kernel`).
 * The last line is a plain count; the exit status is 1 when something failed, or when nothing ran.
 */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ensureBuilt, ensureNpmPackages } from './install.mjs'
import { KERNEL_PACKAGES, MAIN_PACKAGES, SLURM_PACKAGES, TEST_PACKAGES } from './packages.mjs'
import { ROOT, run } from './processes.mjs'
import { ensurePackages } from './system-packages.mjs'

/** Those that take minutes have commands of their own: `npm run test:pmem`. */
const PROJECTS = ['unit', 'e2e']

/** Reports where a run is stuck. */
const LIMIT_MS = 80 * 60_000

const isYes = process.argv.includes('--yes')
const given = process.argv.slice(2).filter((a) => a !== '--yes')
const args = given.some((a) => /^--(?:project|config)\b/.test(a))
  ? given
  : [...PROJECTS.map((name) => `--project=${name}`), ...given]
const wantsKernel = given.some((a) => a.includes('test/kernel'))
const wantsSlurm = given.some((a) => a === 'slurm' || a === '--project=slurm')
const own = wantsKernel ? KERNEL_PACKAGES : wantsSlurm ? SLURM_PACKAGES : TEST_PACKAGES
const packages = [...MAIN_PACKAGES, ...own]
const isReady =
  (await ensurePackages(packages, { isYes })) &&
  (await ensureNpmPackages()) &&
  (await ensureBuilt({ withTypes: true }))
if (!isReady) process.exit(1)

const folder = mkdtempSync(join(tmpdir(), 'bringup-count-'))
try {
  const report = join(folder, 'report.json')
  const progress = join(folder, 'progress.json')
  const vitest = [
    process.execPath,
    join(ROOT, 'node_modules/vitest/vitest.mjs'),
    'run',
    '--reporter=default',
    `--reporter=${join(ROOT, 'scripts/progress-reporter.mjs')}`,
    '--reporter=json',
    `--outputFile=${report}`,
  ]
  const from = performance.now()
  const env = { BRINGUP_TEST_PROGRESS: progress }
  const status = await run([...vitest, ...args], { env, limitMs: LIMIT_MS })
  const isLate = performance.now() - from >= LIMIT_MS
  const { line, isGood } = isLate ? countSoFar(progress) : count(report)
  console.log(line)
  // npm speaks after us when a script fails, so CI reads its last line from here.
  if (process.env.BRINGUP_TEST_COUNT) writeFileSync(process.env.BRINGUP_TEST_COUNT, `${line}\n`)
  process.exitCode = status !== 0 ? status : isGood ? 0 : 1
} finally {
  rmSync(folder, { recursive: true, force: true })
}

/** What is known of a run that took too long: tests that were still running have failed. */
function countSoFar(path) {
  try {
    const { passed, failed, running } = JSON.parse(readFileSync(path, 'utf8'))
    for (const name of running) console.log(`still running after ${LIMIT_MS / 60_000} min: ${name}`)
    return { line: `${passed} passed, ${failed + Math.max(running.length, 1)} failed`, isGood: false }
  } catch {
    return { line: '0 passed, 1 failed', isGood: false }
  }
}

/** A file that could not even be loaded has no failed test in it, but is a failure all the same. */
function count(report) {
  try {
    const {
      numPassedTests: passed,
      numFailedTests: failedTests,
      numPendingTests: skipped,
      numTodoTests: todo,
      testResults,
    } = JSON.parse(readFileSync(report, 'utf8'))
    const brokenFiles = testResults.filter(
      (f) => f.status === 'failed' && !f.assertionResults.some((t) => t.status === 'failed'),
    ).length
    const failed = failedTests + brokenFiles
    const rest = skipped + (todo ?? 0) > 0 ? `, ${skipped + (todo ?? 0)} skipped` : ''
    return { line: `${passed} passed, ${failed} failed${rest}`, isGood: failed === 0 && passed > 0 }
  } catch {
    return { line: '0 passed, 1 failed', isGood: false }
  }
}
