/** Runs cells on this computer, as many at a time as its cores and memory hold. */
import { readCpus } from '../host/cpus.ts'
import { readMemory } from '../host/memory.ts'
import type { Executor, ExecutorMeans } from './executor.ts'
import { type Attempt, type Cell, saveAttempt } from './record.ts'
import { runAttempt, type Task } from './run-attempt.ts'

/** What is free. */
interface Room {
  cores: number
  bytes: number
  runs: number
  readonly taken: Set<string>
}

/** Memory that stays for everything else on this computer. */
const RESERVED_BYTES = 512 * 1024 * 1024

export const local: Executor = {
  name: 'local',
  slots: (tasks, { jobs }) => {
    const room = roomOfHost(jobs)
    // The share of this computer that each run takes while it lasts.
    const shares = tasks.map(({ cell }) => 1 / slotsFor(cell.cell, room))
    const sum = shares.reduce((all, share) => all + share, 0)
    return sum === 0 ? 1 : Math.max(1, Math.round(tasks.length / sum))
  },
  run,
}

/** Runs of one cell that fit at a time. */
function slotsFor({ cores, bytes }: Pick<Cell, 'cores' | 'bytes'>, room: Room): number {
  const most = Math.min(
    room.runs,
    Math.floor(room.cores / Math.max(1, cores)),
    Math.floor(room.bytes / Math.max(1, bytes)),
  )
  return Math.max(1, most)
}

function roomOfHost(jobs: number | undefined): Room {
  return {
    // A number of jobs that the user names holds, even beyond the number of cores.
    cores: jobs === undefined ? Math.max(1, readCpus().allowed.length) : Number.POSITIVE_INFINITY,
    bytes: Math.max(1, readMemory().availableBytes - RESERVED_BYTES),
    runs: jobs ?? Number.POSITIVE_INFINITY,
    taken: new Set(),
  }
}

async function run(tasks: readonly Task[], means: ExecutorMeans): Promise<void> {
  const room = roomOfHost(means.jobs)
  const waiting = [...tasks]
  const running = new Set<Promise<void>>()
  const { signal } = means
  while (!signal.aborted && (waiting.length > 0 || running.size > 0)) {
    const next = waiting.findIndex((task) => fits(task, room, running.size === 0))
    if (next === -1) {
      await Promise.race(running)
      continue
    }
    const [task] = waiting.splice(next, 1) as [Task]
    const release = occupy(task, room)
    means.onStart(task)
    const one = runAttempt(task, { ...means, sweepId: means.folder.id })
      .then((attempt) => keep(task, attempt, means))
      .finally(() => {
        release()
        running.delete(one)
      })
    running.add(one)
  }
  // Runs that the signal ends are waited for: nothing stays behind.
  await Promise.all(running)
}

function keep(task: Task, attempt: Attempt, { folder, onEnd }: ExecutorMeans): void {
  saveAttempt(folder, attempt)
  onEnd(task, attempt)
}

/** A cell that is larger than this computer runs alone. */
function fits({ cell: { cell, exclusive } }: Task, room: Room, isAlone: boolean): boolean {
  if (exclusive.some((item) => room.taken.has(item))) return false
  return isAlone || (room.runs >= 1 && cell.cores <= room.cores && cell.bytes <= room.bytes)
}

function occupy({ cell: { cell, exclusive } }: Task, room: Room): () => void {
  room.cores -= cell.cores
  room.bytes -= cell.bytes
  room.runs -= 1
  for (const item of exclusive) room.taken.add(item)
  return () => {
    room.cores += cell.cores
    room.bytes += cell.bytes
    room.runs += 1
    for (const item of exclusive) room.taken.delete(item)
  }
}
