/** Sweeps: time to plan 2,000 cells, the report of 500, what a sweep adds to its runs, and how well it fills two slots. */
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { join } from 'node:path'
import { pasteArgv } from '../src/plan/plan.ts'
import { loadProject } from '../src/project/project.ts'
import { listRuns } from '../src/runs/record.ts'
import { readAttempts } from '../src/sweeps/record.ts'
import { findDescription, type PlannedSweep, planSweep, runSweep } from '../src/sweeps/run-sweep.ts'
import { makeSweep } from '../test/support/made-sweep.ts'
import { median, spawned } from './measure.ts'
import { CLI, FOLDER, PROBE_STATUS } from './setting.ts'

const HOME = join(FOLDER, 'sweeps')
const ROUNDS = 5
const SLOTS = 2
const CELLS = 200
/** The guest waits for so long. */
const WORK_MS = 1000

export async function sweeps(): Promise<void> {
  mkdirSync(HOME)
  writeFileSync(join(HOME, 'bringup.config.json'), JSON.stringify(CONFIG))
  console.log(`\nSweeps, ${cpus().length} cores`)
  await timed('plan of 2,000 cells', ['sweep', 'matrix', '--dry-run', '--json'])
  await reports()
  await filled('instant', 'cells without work')
  await filled('second', `${CELLS} cells of ${WORK_MS / 1000} s`)
  console.log(`load afterwards ${loadavg()[0]?.toFixed(1)}`)
}

const values = (count: number, value: (index: number) => string) =>
  Array.from({ length: count }, (_, i) => value(i))

const CONFIG = {
  machines: {
    default: { memory: '64M', accel: 'tcg' },
    nvdimm: { extends: 'default', devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' }] },
  },
  sweeps: {
    matrix: {
      machine: 'nvdimm',
      over: {
        numa: [1, 2, 3, 4, 8],
        memory: values(20, (i) => `${256 + 32 * i}M`),
        'devices.pm0.size': values(20, (i) => `${16 + 16 * i}M`),
      },
    },
    instant: { over: { 'boot.append': values(40, (i) => `report=no n=${i}`) } },
    second: { over: { 'boot.append': values(CELLS, (i) => `report=no delay=${WORK_MS} n=${i}`) } },
  },
}

/** The report of a sweep whose runs are copies of two real ones. */
async function reports(): Promise<void> {
  await spawned([process.execPath, CLI, 'run', '--numa', '2'], HOME)
  await spawned([process.execPath, CLI, 'run', '--timeout', '1ms'], HOME, [1, 2, 3, 124])
  const project = await loadProject({ cwd: HOME })
  const ids = listRuns(project.stateFolder).map(({ id }) => id)
  const runs = [ids.at(-2) ?? '', ids.at(-1) ?? ''] as const
  makeSweep(project.stateFolder, { id: 'main', slower: 0, runs })
  makeSweep(project.stateFolder, { id: 'now', slower: 100, runs })
  await timed('report of 500 cells, compared with 500', ['report', 'now', '--compare', 'main', '--json'])
}

/** Wall time and CPU time of a command, start and end of Node included. */
async function timed(title: string, argv: readonly string[]): Promise<void> {
  const [wall, cpu]: [number[], number[]] = [[], []]
  // One round that is not counted: caches of the disk and of bringup.
  for (let round = -1; round < ROUNDS; round++) {
    const [began, used] = [performance.now(), childrenMs()]
    await spawned([process.execPath, CLI, ...argv], HOME)
    if (round < 0) continue
    wall.push(performance.now() - began)
    cpu.push(childrenMs() - used)
  }
  const figures = (all: readonly number[]) =>
    `${median(all).toFixed(0)} ms (least ${Math.min(...all).toFixed(0)})`
  console.log(`${title}: ${figures(wall)}, CPU ${figures(cpu)}, ${ROUNDS} rounds`)
}

/** CPU time of children that have ended. Source: proc(5), cutime and cstime; a tick is 10 ms. */
function childrenMs(): number {
  const fields = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ') ?? []
  return (Number(fields[13]) + Number(fields[14])) * 10
}

/** How long a sweep takes on the slots, against its own runs and against QEMU alone. */
async function filled(name: string, title: string): Promise<void> {
  const swept = findDescription(await loadProject({ cwd: HOME }), name)
  const planned = await planSweep(swept, {})
  const bareMs = await bareIn(SLOTS, planned)
  const began = performance.now()
  const folder = await runSweep(planned, {
    ...{ executor: 'local', isFresh: false, jobs: SLOTS, version: 'bench' },
    signal: new AbortController().signal,
  })
  const tookMs = performance.now() - began
  const attempts = readAttempts(folder)
  const failed = attempts.filter(({ verdict }) => verdict !== 'passed')
  if (attempts.length !== planned.cells.length || failed.length > 0)
    throw new Error(`${failed.length} of ${attempts.length} runs did not pass: ${failed[0]?.meaning}`)
  const idealMs = attempts.reduce((sum, { totalMs }) => sum + totalMs, 0) / SLOTS
  const perCell = ((tookMs - bareMs) * SLOTS) / attempts.length
  console.log(
    `${title}, ${SLOTS} slots: ${(tookMs / 1000).toFixed(1)} s; work of the runs / slots ${(idealMs / 1000).toFixed(1)} s, makespan ${(tookMs / idealMs).toFixed(3)} of that; the same QEMU commands alone ${(bareMs / 1000).toFixed(1)} s, added per cell ${perCell.toFixed(0)} ms`,
  )
}

async function bareIn(slots: number, { cells }: PlannedSweep): Promise<number> {
  const waiting = cells.flatMap(({ planned }) => planned?.plan.guests ?? [])
  const began = performance.now()
  const worker = async () => {
    for (let guest = waiting.shift(); guest; guest = waiting.shift())
      await spawned(quiet(pasteArgv(guest)), HOME, [PROBE_STATUS])
  }
  await Promise.all(Array.from({ length: slots }, worker))
  return performance.now() - began
}

/** The console goes to standard output, without QEMU's monitor. */
function quiet(argv: readonly string[]): readonly string[] {
  return argv
    .map((word) => word.replace(/^stdio,id=console,mux=on$/, 'stdio,id=console,signal=off'))
    .filter((word, index, all) => word !== '-mon' && all[index - 1] !== '-mon')
}
