/** Ties vCPU threads to host CPUs while the machine is still paused. The threads are one's own: no root is needed. */
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Plan } from '../plan/plan.ts'
import type { QmpClient } from './qmp.ts'

export const problems = defineDiagnostics({
  PIN_FAILED: {
    title: 'A vCPU could not be tied to the host CPUs named.',
    why: 'a benchmark on unpinned CPUs measures the host’s scheduler',
    remedy: 'name CPUs that exist and that this process may use: `taskset -pc $$` prints them',
    source: 'QMP query-cpus-fast; taskset(1), sched_setaffinity(2)',
  },
})

/**
 * Pins each vCPU to its host CPUs.
 *
 * @throws BringupError PIN_FAILED, one diagnostic per CPU
 */
export async function pinVcpus(qmp: QmpClient, pins: Plan['pins']): Promise<void> {
  const threads = new Map((await qmp.execute('query-cpus-fast')).map((c) => [c['cpu-index'], c['thread-id']]))
  const failures = await Promise.all(
    pins.map(async ({ cpu, hostCpus }, index) => {
      const thread = threads.get(cpu)
      if (thread === undefined)
        return [problems.PIN_FAILED.at(`pins[${index}].cpu`, `the machine has no CPU ${cpu}`)]
      const result = await execa('taskset', ['--pid', '--cpu-list', hostCpus.join(','), `${thread}`], {
        reject: false,
      })
      if (!result.failed) return []
      return [
        problems.PIN_FAILED.at(
          `pins[${index}].hostCpus`,
          `CPU ${cpu} on ${hostCpus.join(',')}: ${(result.stderr ?? '').trim() || result.shortMessage}`,
        ),
      ]
    }),
  )
  if (failures.flat().length > 0) throw new BringupError(failures.flat())
}
