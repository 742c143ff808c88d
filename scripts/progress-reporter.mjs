/**
 * A Vitest reporter: names the tests that have run for long, once a minute, so that the log of a test run that is
 * stopped from outside shows which test was stuck. Keeps the counts in a file, for a run that does not come to its end.
 */
import { writeFileSync } from 'node:fs'
import { relative } from 'node:path'
import { ROOT } from './processes.mjs'

const LONG_MS = 120_000
const EVERY_MS = 60_000

// biome-ignore lint/style/noDefaultExport: Vitest loads the default export of a reporter
export default class ProgressReporter {
  #running = new Map()
  #counts = { passed: 0, failed: 0, skipped: 0 }
  #timer

  onInit() {
    this.#timer = setInterval(() => this.#look(), EVERY_MS)
    this.#timer.unref()
  }

  onTestCaseReady(test) {
    this.#running.set(test.id, { test, from: Date.now() })
  }

  onTestCaseResult(test) {
    this.#running.delete(test.id)
    const { state } = test.result()
    if (state in this.#counts) this.#counts[state]++
    this.#keep()
  }

  onTestRunEnd() {
    clearInterval(this.#timer)
  }

  #look() {
    for (const { test, from } of this.#running.values()) {
      const ms = Date.now() - from
      if (ms > LONG_MS) console.log(`still running after ${Math.round(ms / 1000)} s: ${nameOf(test)}`)
    }
    this.#keep()
  }

  #keep() {
    const path = process.env.BRINGUP_TEST_PROGRESS
    const running = [...this.#running.values()].map(({ test }) => nameOf(test))
    if (path) writeFileSync(path, JSON.stringify({ ...this.#counts, running }))
  }
}

const nameOf = (test) => `${relative(ROOT, test.module.moduleId)} > ${test.fullName}`
