/** Networks and memories of a rack that no guest joins: nothing else checks such a memory. Pure. */

import { resolve } from 'node:path'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { checkSharedMemory } from '../machine/devices/ivshmem-rules.ts'
import type { Facts } from '../machine/facts.ts'
import { partsOf } from '../machine/parts.ts'
import { formatPath } from '../machine/schema-issues.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RackConfig } from './rack-schema.ts'

export const problems = defineDiagnostics({
  RACK_MEMORY_UNJOINED: {
    severity: 'warning',
    title: 'No guest joins a memory of the rack.',
    why: 'a guest joins the memories that its `memory` names',
    remedy: 'name it in the `memory` of its guests, or remove it',
  },
  RACK_NETWORK_UNJOINED: {
    severity: 'warning',
    title: 'No guest has a card on a network of the rack.',
    why: 'a guest joins the networks that its `nics` names',
    remedy: 'name it in the `nics` of its guests, or remove it',
  },
})

type Seated = Pick<GuestPlan, 'joins' | 'machine'>

interface Place {
  /** Folder of the project, for relative paths. */
  readonly folder: string
  /** Path of the rack, such as `['racks', 'pair']`. */
  readonly at: readonly PropertyKey[]
}

/** @param factsOf facts about files and this computer */
export function checkUnjoined(
  { networks, memory }: Pick<RackConfig, 'networks' | 'memory'>,
  guests: readonly Seated[],
  factsOf: (files: readonly string[]) => Facts,
  { folder, at }: Place,
): readonly Diagnostic[] {
  const joined = joinedBy(guests)
  const idle = Object.entries(memory)
    .filter(([name]) => !joined.memories.has(name))
    .map(([name, { file, ...rest }]) => ({
      name,
      memory: { ...rest, ...(file === undefined ? {} : { file: resolve(folder, file) }) },
    }))
  // Facts are read only where a rule wants them.
  const facts = idle.length > 0 ? factsOf(idle.flatMap((one) => one.memory.file ?? [])) : undefined
  return [
    ...idle.flatMap(({ name, memory: one }) => {
      const path = formatPath([...at, 'memory', name])
      return [
        problems.RACK_MEMORY_UNJOINED.at(path, `no guest joins memory "${name}"`),
        ...(facts ? checkSharedMemory(name, one, { facts, path }) : []),
      ]
    }),
    ...Object.keys(networks)
      .filter((name) => !joined.networks.has(name))
      .map((name) =>
        problems.RACK_NETWORK_UNJOINED.at(
          formatPath([...at, 'networks', name]),
          `no guest has a card on network "${name}"`,
        ),
      ),
  ]
}

function joinedBy(guests: readonly Seated[]) {
  const networks = guests.flatMap(({ joins }) =>
    joins.flatMap(({ kind, resource }) => (kind === 'network' ? [resource] : [])),
  )
  // A memory in a file is no join of the plan.
  const memories = guests.flatMap(({ machine }) =>
    partsOf(machine).flatMap(({ device, config }) => device.memories?.(config) ?? []),
  )
  return { networks: new Set(networks), memories: new Set(memories) }
}
