/** Which sets of dependencies a profile has: its own, with what bringup itself needs to run machines in `run`. */
import type { Dependency, DependencySet } from './dependency.ts'

/** What bringup itself runs, whatever is booted. */
const TO_RUN_MACHINES: readonly Dependency[] = [
  {
    kind: 'program',
    program: 'qemu-system-x86_64',
    minimum: '6',
    packages: {
      debian: 'qemu-system-x86',
      fedora: 'qemu-system-x86-core',
      arch: 'qemu-system-x86',
      suse: 'qemu-x86',
      alpine: 'qemu-system-x86_64',
    },
    why: 'runs the machines',
  },
  { kind: 'program', program: 'setpriv', packages: 'util-linux', why: 'ties QEMU’s life to bringup’s' },
  { kind: 'program', program: 'flock', packages: 'util-linux', why: 'locks backing files' },
  { kind: 'program', program: 'taskset', packages: 'util-linux', why: 'pins virtual CPUs' },
  {
    kind: 'device-access',
    path: '/dev/kvm',
    group: 'kvm',
    isOptional: true,
    why: 'makes guests fast; without it they run in TCG, QEMU’s own CPU',
  },
]

/** Sets in the order in which they are needed; unknown ones follow in the profile's own order. */
const ORDER = ['build', 'run', 'test', 'docs']

/** All sets of a profile. Every profile has `run`. */
export function setsOf(profile: {
  readonly dependencies?: readonly DependencySet[]
}): readonly DependencySet[] {
  const own = profile.dependencies ?? []
  const run = own.find((set) => set.name === 'run')
  const whole: DependencySet = {
    name: 'run',
    summary: run?.summary ?? 'what runs the machines',
    dependencies: [...TO_RUN_MACHINES, ...(run?.dependencies ?? [])],
  }
  const rank = (set: DependencySet) => {
    const at = ORDER.indexOf(set.name)
    return at === -1 ? ORDER.length : at
  }
  return [...own.filter((set) => set !== run), whole].toSorted((a, b) => rank(a) - rank(b))
}
