/** Which stores the machines of a project name, and what becomes of what is written to them. */

import type { PersistenceCondition, PersistenceVerdict } from '../machine/device.ts'
import type { Facts } from '../machine/facts.ts'
import {
  type MachineConfig,
  type MachineInput,
  parseMachine,
  partsOf,
  persistenceConditionsOf,
  persistenceOf,
  resolveMachines,
  viewOf,
} from '../machine/machine.ts'
import { gatherFacts } from '../plan/gather.ts'
import { pathsOf, placeMachine } from '../plan/place.ts'
import { chooseQemu } from '../qemus/choose.ts'
import { withMapSync } from '../stores/map-sync.ts'
import type { Store } from '../stores/store.ts'
import { cacheFolder } from './cache-folder.ts'
import type { Project } from './project.ts'

/** A device of a machine, and where it keeps its content. */
export interface DescribedStore {
  readonly machine: string
  readonly device: string
  /** Of the device: `nvdimm`, `disk`. */
  readonly kind: string
  readonly path: string
}

/** No facts: what a device names it names whatever is there. */
const NO_FACTS: Facts = { files: new Map(), hostNodes: [], hugePages: [], hostBytes: 0, accelerators: [] }

/** Every store that a device of a machine of the project names, whether it is there or not. */
export function describedStores(project: Project): readonly DescribedStore[] {
  return Object.entries(resolveMachines(project.machines)).flatMap(([name, input]) => {
    const config = placed(project, name, input)
    const machine = viewOf(name, config)
    const devices = partsOf(config).filter(({ path }) => path.startsWith('devices['))
    return devices.flatMap(({ device, config: part, path: at, id }) => {
      // A device locks what it keeps its content in; for an image, which QEMU locks, it makes the file.
      const { locks = [], files = [] } = device.compile(part, { machine, facts: NO_FACTS, path: at })
      const paths = new Set([...locks, ...files].map(({ path }) => path))
      return [...paths].map((path) => ({ machine: name, device: id, kind: device.kind, path }))
    })
  })
}

/** What becomes of a guest's writes, and what would have to hold for them to survive a power loss. */
export interface Explanation {
  readonly verdicts: readonly PersistenceVerdict[]
  readonly conditions: readonly PersistenceCondition[]
}

/**
 * Explains a machine of the project, or a store as if a machine used it with nothing else said. The kernel is asked for
 * MAP_SYNC on each file; QEMU is asked whether it takes pmem=on.
 *
 * @throws BringupError when the machine cannot be understood, or there is no QEMU
 */
export async function explainStores(
  project: Project,
  of: { readonly machine: string } | { readonly store: Store },
  signal: AbortSignal,
): Promise<Explanation> {
  const [name, input] =
    'machine' in of
      ? ([of.machine, resolveMachines(project.machines)[of.machine] ?? {}] as const)
      : (['store', machineOf(of.store)] as const)
  const machine = placed(project, name, input)
  const cache = cacheFolder()
  const { arch, qemu: wish } = machine
  const qemu = await chooseQemu({ arch, wish, cacheFolder: cache, signal })
  const known = gatherFacts(pathsOf(name, machine), { qemu, accelerators: [] }, project.stateFolder)
  const facts = await withMapSync(known, { cacheFolder: cache, signal }, true)
  return {
    verdicts: persistenceOf(machine, facts, name),
    conditions: persistenceConditionsOf(machine, facts, name),
  }
}

function machineOf({ path, size, label }: Store): MachineInput {
  const options = label > 0 ? { label } : {}
  return { devices: [{ kind: 'nvdimm', id: 'store', file: path, size, ...options }] }
}

function placed(project: Project, name: string, input: MachineInput): MachineConfig {
  const home = { machine: name, folder: project.folder, stateFolder: project.stateFolder }
  return placeMachine(parseMachine(name, input), home)
}
