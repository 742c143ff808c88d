/**
 * Finds what a program has started, also what has left its process group or lost its environment. A signal on the parent's
 * death (PR_SET_PDEATHSIG) reaches the first process only.
 *
 * `descendants` runs as text in helper processes too, so it uses nothing from outside itself.
 */

export interface Descendants {
  /** Process groups to look for, each with the pipe or socket that was made for its output alone, if any. */
  readonly groups: Map<number, string>
  /** Numbers of the processes that live. */
  find(): readonly string[]
  /** Sends a signal to all of them; false where there were none. */
  signal(signal: NodeJS.Signals): boolean
}

/** @param mark Entry of the environment, `NAME=VALUE`, that they inherit */
export function descendants(mark: string): Descendants {
  const { readdirSync, readFileSync, readlinkSync } = process.getBuiltinModule('node:fs')
  const groups = new Map<number, string>()
  const send = (id: number, signal: NodeJS.Signals) => {
    try {
      process.kill(id, signal)
      return true
    } catch {
      return false
    }
  }
  const isMarked = (pid: string) => {
    try {
      return readFileSync(`/proc/${pid}/environ`, 'latin1').split('\0').includes(mark)
    } catch {
      return false
    }
  }
  const pids = () => readdirSync('/proc').filter((pid) => /^\d+$/.test(pid) && Number(pid) !== process.pid)
  /** State, parent and group of a process; the name before them may hold anything. */
  const statusOf = (pid: string) => {
    try {
      const text = readFileSync(`/proc/${pid}/stat`, 'latin1')
      const [state, parent, group] = text.slice(text.lastIndexOf(')') + 2).split(' ')
      return { pid, parent, group: Number(group), isDead: state === 'Z' || state === 'X' }
    } catch {
      return undefined
    }
  }
  const outputOf = (pid: string) => {
    try {
      return readlinkSync(`/proc/${pid}/fd/1`)
    } catch {
      return ''
    }
  }
  /** By mark, by group, by parent, and by the output that they share, which `env -i setsid` leaves them. */
  const find = () => {
    const all = pids()
      .flatMap((pid) => statusOf(pid) ?? [])
      .filter((p) => !p.isDead)
    const found = new Set(all.filter((p) => groups.has(p.group) || isMarked(p.pid)).map((p) => p.pid))
    for (const pid of found) for (const p of all) if (p.parent === pid) found.add(p.pid)
    const outputs = new Set([...groups.values()].filter(Boolean))
    if (outputs.size > 0) for (const p of all) if (outputs.has(outputOf(p.pid))) found.add(p.pid)
    return [...found]
  }
  return {
    groups,
    find,
    signal: (signal) => {
      // The groups get the signal last: children are found by parents that live.
      const found = find().filter((pid) => send(Number(pid), signal))
      const alive = [...groups.keys()].filter((group) => send(-group, signal))
      return alive.length + found.length > 0
    },
  }
}
