/**
 * Deadlines that follow progress: a process on a loaded computer is slow, and not stuck. It counts as stuck once it has
 * used so much CPU time of its own, or once none of its threads has run or wanted to run for many looks in a row.
 */
import type { ChildProcess } from 'node:child_process'
import { readdirSync, readFileSync } from 'node:fs'

const LOOK_EVERY_MS = 250
/** Two minutes in which nothing happened, if the looks themselves come on time. */
const IDLE_LOOKS = 480
/** USER_HZ of Linux on x86. */
const TICKS_PER_SECOND = 100

export interface Patience {
  /** CPU time that the process may use. */
  readonly cpuSeconds: number
  readonly onStuck: (why: string) => void
}

/** Watches a process until the returned function is called, or it has ended. */
export function watchProgress(pid: number, { cpuSeconds, onStuck }: Patience): () => void {
  const beginning = look(pid)?.cpu ?? 0
  let last = beginning
  let idle = 0
  const timer = setInterval(() => {
    const now = look(pid)
    if (!now) return clearInterval(timer)
    idle = now.cpu > last || now.wantsToRun ? 0 : idle + 1
    last = now.cpu
    const used = now.cpu - beginning
    if (used <= cpuSeconds && idle < IDLE_LOOKS) return
    clearInterval(timer)
    onStuck(used > cpuSeconds ? `used ${Math.round(used)} s of CPU time` : 'waits, and nothing comes')
  }, LOOK_EVERY_MS)
  timer.unref()
  return () => clearInterval(timer)
}

/** Kills a child that is stuck. */
export function killWhenStuck(child: ChildProcess, cpuSeconds: number): void {
  const end = watchProgress(child.pid ?? 0, { cpuSeconds, onStuck: () => child.kill('SIGKILL') })
  child.once('close', end)
}

/** CPU time of the whole process, and whether one of its threads runs or waits for a CPU. */
function look(pid: number): { readonly cpu: number; readonly wantsToRun: boolean } | undefined {
  try {
    const fields = statOf(`/proc/${pid}/stat`)
    const threads = readdirSync(`/proc/${pid}/task`)
    return {
      cpu: (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND,
      wantsToRun: threads.some((thread) => stateOf(`/proc/${pid}/task/${thread}/stat`) === 'R'),
    }
  } catch {
    return undefined
  }
}

/** Fields from the state on; the name before them may hold anything. */
function statOf(path: string): readonly string[] {
  const text = readFileSync(path, 'latin1')
  return text.slice(text.lastIndexOf(')') + 2).split(' ')
}

function stateOf(path: string): string | undefined {
  try {
    return statOf(path)[0]
  } catch {
    return undefined
  }
}
