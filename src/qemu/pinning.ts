/** Ties vCPU threads to host CPUs while the machine is still paused. The threads are one's own: no root is needed. */
import { execFile } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { formatCpuList, parseCpuList } from '../cpu-list.ts'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { type CpusFact, readCpus } from '../host/cpus.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QmpClient } from './qmp.ts'

const WHY = 'a benchmark on unpinned CPUs measures the host’s scheduler'
const SOURCE = 'QMP query-cpus-fast; taskset(1), sched_setaffinity(2)'

export const problems = defineDiagnostics({
  PIN_THREAD_MISSING: {
    title: 'A pin names a CPU that the machine does not have.',
    why: WHY,
    remedy: 'pins name guest CPUs by index, from 0 up to the number of CPUs at boot',
    source: SOURCE,
  },
  PIN_HOST_CPU_MISSING: {
    title: 'A pin names a host CPU that does not exist or is switched off.',
    why: 'Linux drops such CPUs from the list silently, and refuses a list that has no other',
    remedy: 'name CPUs of /sys/devices/system/cpu/online',
    source: SOURCE,
  },
  PIN_HOST_CPU_FORBIDDEN: {
    title: 'A pin names a host CPU that this process may not use.',
    why: 'a cpuset (of a container, a batch job or a service) excludes it; Linux ignores the CPU silently',
    remedy: 'name CPUs that `taskset -pc $$` prints, or widen the cpuset',
    source: 'cpuset(7)',
  },
  PIN_THREAD_SHARED: {
    title: 'Two CPUs with different pins run on one thread.',
    why: 'a single-threaded TCG runs all CPUs on one thread, which can have one set of host CPUs only',
    remedy: 'give all CPUs the same host CPUs, or use multi-threaded TCG or KVM',
    source: 'QMP query-cpus-fast, thread-id',
  },
  PIN_FAILED: {
    title: 'A vCPU could not be tied to the host CPUs named.',
    why: WHY,
    remedy: 'check that taskset (package util-linux) is installed; its error is in the message',
    source: SOURCE,
  },
})

type Pin = GuestPlan['pins'][number]

/**
 * Pins each vCPU to its host CPUs, and looks that the kernel has really done so. Nothing is pinned when a pin is wrong.
 *
 * @param host CPUs of this computer; others in tests.
 * @throws BringupError PIN_…, one diagnostic per pin
 */
export async function pinVcpus(
  qmp: QmpClient,
  pins: GuestPlan['pins'],
  host: CpusFact = readCpus(),
): Promise<void> {
  const cpus = await qmp.execute('query-cpus-fast')
  const threads = new Map(cpus.map((c) => [c['cpu-index'], c['thread-id']]))
  const wrong = pins.flatMap((pin, index) => checkPin(pin, `pins[${index}]`, { threads, host, pins }))
  if (wrong.length > 0) throw new BringupError(wrong)
  const failed = await Promise.all(
    pins.map((pin, index) => pinOne(pin, `pins[${index}]`, threads.get(pin.cpu) ?? -1)),
  )
  if (failed.some((f) => f !== undefined)) throw new BringupError(failed.filter((f) => f !== undefined))
}

/**
 * Keeps all threads of QEMU on these CPUs: those that it starts later inherit it. vCPUs are pinned afterwards.
 *
 * @throws BringupError PIN_FAILED
 */
export async function confineThreads(pid: number, hostCpus: readonly number[]): Promise<void> {
  const wanted = formatCpuList(hostCpus)
  const error = await taskset(wanted, pid, ['--all-tasks'])
  if (error === undefined) return
  throw new BringupError([
    problems.PIN_FAILED.at('placement', `QEMU could not be kept on host CPUs ${wanted}: ${error}`),
  ])
}

interface PinContext {
  readonly threads: ReadonlyMap<number, number>
  readonly host: CpusFact
  readonly pins: GuestPlan['pins']
}

function checkPin(
  { cpu, hostCpus }: Pin,
  path: string,
  { threads, host, pins }: PinContext,
): readonly Diagnostic[] {
  const thread = threads.get(cpu)
  if (thread === undefined) {
    const what = `there is no CPU ${cpu}; the machine starts with ${threads.size}`
    return [problems.PIN_THREAD_MISSING.at(`${path}.cpu`, what)]
  }
  const at = `${path}.hostCpus`
  const absent = hostCpus.filter((c) => !host.online.includes(c))
  if (absent.length > 0) {
    const what = `this computer has CPUs ${formatCpuList(host.online)}, not ${formatCpuList(absent)}`
    return [problems.PIN_HOST_CPU_MISSING.at(at, what)]
  }
  const forbidden = hostCpus.filter((c) => !host.allowed.includes(c))
  if (forbidden.length > 0) {
    const what = `this process may use CPUs ${formatCpuList(host.allowed)}, not ${formatCpuList(forbidden)}`
    return [problems.PIN_HOST_CPU_FORBIDDEN.at(at, what)]
  }
  const other = pins.find(
    (p) => threads.get(p.cpu) === thread && formatCpuList(p.hostCpus) !== formatCpuList(hostCpus),
  )
  if (!other) return []
  return [problems.PIN_THREAD_SHARED.at(at, `CPUs ${cpu} and ${other.cpu} are both thread ${thread}`)]
}

async function pinOne({ cpu, hostCpus }: Pin, path: string, thread: number): Promise<Diagnostic | undefined> {
  const wanted = formatCpuList(hostCpus)
  const error = await taskset(wanted, thread)
  const got = error === undefined ? affinityOf(thread) : undefined
  if (got === wanted) return undefined
  const because = error ?? `it is on ${got ?? 'none that can be read'}`
  return problems.PIN_FAILED.at(
    `${path}.hostCpus`,
    `CPU ${cpu} could not be tied to host CPUs ${wanted}: ${because}`,
  )
}

/** It asks the kernel, and is done. */
const LIMITS = { timeout: 5000, killSignal: 'SIGKILL' } as const

/** Node cannot set the affinity of a thread, so util-linux does. Resolves with its words when it fails. */
function taskset(cpuList: string, thread: number, more: readonly string[] = []): Promise<string | undefined> {
  return new Promise((resolve) => {
    execFile(
      'taskset',
      [...more, '--pid', '--cpu-list', cpuList, `${thread}`],
      LIMITS,
      (error, _stdout, stderr) => {
        resolve(error ? stderr.trim() || error.message : undefined)
      },
    )
  })
}

/** CPUs that the thread may run on; undefined for one that has ended. Source: proc(5), "/proc/pid/status". */
export function affinityOf(thread: number): string | undefined {
  try {
    const list = /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(`/proc/${thread}/status`, 'utf8'))?.[1]
    return list === undefined ? undefined : formatCpuList(parseCpuList(list))
  } catch {
    return undefined
  }
}
