/** The record of a sweep of 500 cells whose runs are copies of real ones: for the report of a large sweep. */
import { cpSync } from 'node:fs'
import { join } from 'node:path'
import { type Attempt, createSweep, type SweepRecord, saveAttempt } from '../../src/sweeps/record.ts'

/** A guest, or a config, could hold that: the page has to show it as text. */
export const HOSTILE = '<script>document.title = "taken over"</script>'

const AXES = [
  { path: 'numa', values: [1, 2, 4, 8, 16] },
  { path: 'memory', values: ['128M', '256M', '512M', '1G', HOSTILE] },
  { path: 'kernel', values: ['5.10', '6.1', '6.6', '6.12'] },
  { path: 'qemu', values: ['7.2', '8.0', '8.2', '9.0', '10.0'] },
]

interface MadeSweep {
  readonly id: string
  /** Added to every measured time. */
  readonly slower: number
  /** Ids of a run that passed and of one that failed; cells of a sweep that is slower get copies. */
  readonly runs: readonly [passed: string, failed: string]
}

/** 470 cells passed, 20 failed and 10 are flaky, each with 4 runs. */
export function makeSweep(stateFolder: string, { id, slower, runs }: MadeSweep): void {
  const values = AXES.reduce<Record<string, string | number>[]>(
    (rows, axis) => rows.flatMap((row) => axis.values.map((value) => ({ ...row, [axis.path]: value }))),
    [{}],
  )
  const cells = values.map((one, index) => ({
    key: index.toString(16).padStart(12, '0'),
    label: Object.entries(one)
      .map(([path, value]) => `${path}=${value}`)
      .join(', '),
    values: one,
    input: 'x',
    cores: 1,
    bytes: 1,
    impossible: [],
  }))
  const record: SweepRecord = {
    ...{ format: 1, id, name: id, target: { kind: 'machine', name: 'default' }, axes: AXES, cells },
    ...{
      repeat: 4,
      command: [],
      metrics: [{ name: 'boot_ms', kind: 'path', source: 'timings.runMs', unit: 'ms', better: 'lower' }],
    },
    ...{ executor: 'local', jobs: 2, startedAt: '2026-01-01T00:00:00.000Z', bringup: '0.0.0' },
    owner: { host: 'here', pid: 1, startTime: 'none' },
  }
  const sweep = createSweep(stateFolder, record)
  cells.forEach(({ key }, index) => {
    for (let repeat = 1; repeat <= 4; repeat++) {
      const isBad = index % 25 === 24 || (index % 50 === 7 && repeat === 2)
      const verdict: Attempt['verdict'] = isBad ? 'failed' : 'passed'
      const own = `2026-01-01T00-00-00-${key}`
      if (repeat === (isBad ? 2 : 4) && slower > 0)
        cpSync(join(stateFolder, 'runs', runs[isBad ? 1 : 0]), join(stateFolder, 'runs', own), {
          recursive: true,
        })
      saveAttempt(sweep, {
        ...{ cell: key, repeat, attempt: 1, input: 'x', verdict },
        meaning: isBad ? `failed: ${HOSTILE}` : 'passed',
        ...{ findings: [], run: own, startedAt: record.startedAt, totalMs: 1000, host: 'here' },
        metrics: { boot_ms: 500 + (index % 5) * 40 + repeat + slower },
      })
    }
  })
}
