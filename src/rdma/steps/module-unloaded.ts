/** Step: a kernel module is not loaded, nor those that use it. */
import * as z from 'zod'
import type { Diagnostic } from '../../diagnostics.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import {
  holdersOf,
  isPresent,
  type LoadedModule,
  loadedModules,
  lostWith,
  problems,
  unloadOrder,
} from '../modules.ts'
import { zModule } from './module-loaded.ts'

const schema = z.object({ module: zModule })

interface Before {
  /** In the order in which they are unloaded. */
  readonly modules: readonly string[]
  readonly [key: string]: readonly string[]
}

/** Device files by which programs use modules. */
const FILES: Readonly<Record<string, readonly string[]>> = { rdma_ucm: ['/dev/infiniband/rdma_cm'] }

export const moduleUnloaded = defineStep<z.output<typeof schema>, Before>({
  kind: 'rdma.module-unloaded',
  schema,
  needs: ['root'],
  describe: ({ module }) => `unload the kernel module ${module}`,
  async check({ module }, host) {
    const order = unloadOrder(module, loadedModules(host) ?? new Map())
    if (order.length === 0) {
      if (!isPresent(module, host)) return { state: 'done', detail: 'not loaded' }
      const what = `${module} is part of this kernel`
      return { state: 'blocked', diagnostics: [problems.RDMA_MANAGER_BUILT_IN.at('', what)] }
    }
    const diagnostics = order.flatMap((one) => inUse(one, host))
    if (diagnostics.length > 0) return { state: 'blocked', diagnostics }
    const modules = order.map(({ name }) => name)
    return {
      state: 'change',
      detail: modules.length === 1 ? 'loaded' : `loaded, and used by ${modules.slice(0, -1).join(', ')}`,
      before: { modules },
      commands: [{ argv: ['rmmod', ...modules], asRoot: true }],
      warnings: modules.map((name) =>
        problems.RDMA_STOPS_WORKING.at('', `without ${name}: ${lostWith(name)}`),
      ),
    }
  },
  async undo(_, { modules }, host) {
    const loaded = loadedModules(host) ?? new Map<string, LoadedModule>()
    const missing = modules.filter((name) => !loaded.has(name)).toReversed()
    if (missing.length === 0) return { state: 'done', detail: 'loaded' }
    return {
      state: 'change',
      detail: `load ${missing.join(', ')}`,
      commands: missing.map((name) => ({ argv: ['modprobe', name], asRoot: true })),
    }
  },
})

/** Which processes use a module is known by its device file alone, and only root sees those of other users. */
const UNSEEN =
  'end what uses it, then run this again: mounts and disks over RDMA (`umount`, `nvme disconnect`), or programs of other users, which are listed when this runs as root'

/** Uses beyond those by modules are programs, or mounts and disks. */
function inUse({ name, uses, usedBy }: LoadedModule, host: HostReader): readonly Diagnostic[] {
  if (uses <= usedBy.length) return []
  const holders = holdersOf(FILES[name] ?? [], host)
  const what = `${name} is in use ${uses - usedBy.length === 1 ? 'once' : `${uses - usedBy.length} times`} beyond other modules`
  return [
    problems.RDMA_MODULE_IN_USE.at('', what, holders.length > 0 ? { evidence: holders } : { remedy: UNSEEN }),
  ]
}
