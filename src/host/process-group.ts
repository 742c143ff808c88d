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

/** The fields from the state on. The name before them may hold blanks and parentheses. */
function statOf(path: string): readonly string[] {
  try {
    const stat = readFileSync(path, 'utf8')
    return stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  } catch {
    return []
  }
}
