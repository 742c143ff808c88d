/** The places where a sweep can run. */
import type { Executor } from './executor.ts'

const EXECUTORS: Readonly<Record<string, () => Promise<Executor>>> = {
  local: async () => (await import('./local.ts')).local,
  slurm: async () => (await import('./slurm/slurm.ts')).slurm,
}

export const EXECUTOR_NAMES: readonly string[] = Object.keys(EXECUTORS)

export async function loadExecutor(name: string): Promise<Executor> {
  const load = EXECUTORS[name]
  if (!load) throw new Error(`no executor "${name}"`)
  return load()
}
