/** Gives CPUs of a guest hardware threads of cores. Pure. */
import type { Core } from './host-state.ts'

interface Seated {
  /** Host CPU by CPU of the guest. */
  readonly cpus: ReadonlyMap<number, number>
  readonly cores: readonly Core[]
}

/** CPUs of the guest by its cores, in order. QEMU numbers the threads of a core one after the other. */
export function guestCores(cpus: readonly number[], threads: number): readonly (readonly number[])[] {
  const cores = new Map<number, number[]>()
  for (const cpu of cpus) {
    const core = Math.floor(cpu / Math.max(1, threads))
    cores.set(core, [...(cores.get(core) ?? []), cpu])
  }
  return [...cores.values()]
}

/**
 * Seats the guest's cores one after the other. A core of the guest gets threads of one core where any is wide enough.
 *
 * @param cores in the order in which they are used up
 * @param isApart no two cores of the guest on one core
 * @returns undefined where there are too few
 */
export function seatCpus(
  groups: readonly (readonly number[])[],
  cores: readonly Core[],
  isApart: boolean,
): Seated | undefined {
  const left = [...cores]
  const used: Core[] = []
  const cpus = new Map<number, number>()
  let open: readonly number[] = []
  const openNext = (width: number): boolean => {
    const wide = left.findIndex((core) => core.cpus.length >= width)
    const [core] = left.splice(Math.max(0, wide), 1)
    if (!core) return false
    used.push(core)
    open = core.cpus
    return true
  }
  for (const group of groups) {
    if ((isApart || open.length < group.length) && !openNext(group.length)) return undefined
    for (const [index, cpu] of group.entries()) {
      if (open.length === 0 && !openNext(group.length - index)) return undefined
      const [host, ...rest] = open
      if (host !== undefined) cpus.set(cpu, host)
      open = rest
    }
  }
  return { cpus, cores: used }
}

/** How many cores of that width they need. */
export function coresNeeded(groups: readonly (readonly number[])[], width: number, isApart: boolean): number {
  const wide = Array.from({ length: Math.max(1, width) }, (_, cpu) => cpu)
  const most = groups.reduce((sum, group) => sum + group.length, 0)
  const cores = Array.from({ length: most }, () => ({ node: 0, cpus: wide }))
  return seatCpus(groups, cores, isApart)?.cores.length ?? 0
}
