/** What the processes of one group are doing: whether a silent program is at work, or waits. */
import { readdirSync, readFileSync } from 'node:fs'

export interface GroupActivity {
  /** A process runs, wants to run, or waits for a disk. */
  readonly isBusy: boolean
  /** CPU time of all of them, in clock ticks. */
  readonly ticks: number
}

/** Reads it from /proc; source: proc(5), /proc/PID/stat. */
export function groupActivity(group: number, proc = '/proc'): GroupActivity {
  let isBusy = false
  let ticks = 0
  for (const pid of readdirSync(proc)) {
    if (!/^\d+$/.test(pid)) continue
    const fields = statOf(`${proc}/${pid}/stat`)
    if (Number(fields[2]) !== group) continue
    isBusy ||= fields[0] === 'R' || fields[0] === 'D'
    ticks += Number(fields[11]) + Number(fields[12])
  }
  return { isBusy, ticks }
}

/** The same of one process, whose threads count: QEMU's CPUs are threads. */
export function processActivity(pid: number, proc = '/proc'): GroupActivity {
  const folder = `${proc}/${pid}/task`
  let isBusy = false
  let ticks = 0
  for (const thread of namesIn(folder)) {
    const fields = statOf(`${folder}/${thread}/stat`)
    isBusy ||= fields[0] === 'R' || fields[0] === 'D'
    ticks += Number(fields[11] ?? 0) + Number(fields[12] ?? 0)
  }
  return { isBusy, ticks }
}

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

/** The fields from the state on. The name before them may hold blanks and parentheses. */
function statOf(path: string): readonly string[] {
  try {
    const stat = readFileSync(path, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
