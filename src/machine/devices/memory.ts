/** RAM: size, what it is made of on the host, and the room for DIMMs beyond it. */
import { isAbsolute, resolve } from 'node:path'
import { formatBytes, MiB } from '../../units.ts'
import { type Compiled, defineDevice, type MachineView, option } from '../device.ts'
import {
  backendOf,
  HOLE_BYTES,
  isPlain,
  type MemoryConfig,
  memoryBackend,
  memorySchema,
  slotsAndMax,
} from './memory-options.ts'
import { problems as placeProblems } from './memory-place-rules.ts'
import { check, problems } from './memory-rules.ts'
import { seenMemory } from './memory-seen.ts'
import { HOST_SIDE, inhabited } from './numa-seen.ts'
import { nvdimmOptions } from './nvdimm-schema.ts'

/** QEMU takes a bare number as MiB, so sizes always carry a suffix. */
const size = (bytes: number) => (bytes % MiB === 0 && bytes > 0 ? formatBytes(bytes) : `${bytes}B`)

function compile(memory: MemoryConfig, machine: MachineView): Compiled {
  const plug = slotsAndMax(memory, machine)
  const ram = option(
    '-m',
    size(machine.ramBytes),
    plug ? { slots: plug.slots === 0 ? undefined : plug.slots, maxmem: size(plug.maxBytes) } : {},
  )
  const machineOptions = memory.hotplug ? nvdimmOptions(machine) : {}
  // With NUMA nodes the RAM is in the nodes' backends (numa.ts).
  if (machine.nodes.length > 0 || isPlain(memory))
    return { machineOptions, args: [ram], locks: locksOf(memory) }
  return {
    machineOptions: { ...machineOptions, 'memory-backend': 'ram' },
    args: [memoryBackend('ram', machine.ramBytes, memory), ram],
    locks: locksOf(memory),
  }
}

/** A shared RAM file belongs to one machine at a time: QEMU itself does not look. */
function locksOf(memory: MemoryConfig): Compiled['locks'] {
  return backendOf(memory) === 'file' && memory.path !== undefined && memory.share
    ? [{ path: memory.path, mode: 'exclusive' }]
    : []
}

/** RAM of the machine. A bare size in a description is `size`. */
export const memory = defineDevice({
  kind: 'memory',
  summary: 'RAM: size, backend, huge pages, host nodes, DIMM slots',
  schema: memorySchema,
  diagnostics: { ...problems, ...placeProblems },
  savedState: ({ share, hugePages }) => {
    if (share) return 'other processes may write to shared RAM, and a fork has private RAM'
    return hugePages === undefined || 'a fork would need as many free huge pages as the saved guest has'
  },
  place: (memory, home) =>
    memory.path === undefined || isAbsolute(memory.path)
      ? memory
      : { ...memory, path: resolve(home.folder, memory.path) },
  paths: (memory) => (memory.path === undefined ? [] : [memory.path]),
  needs: (memory) => (isPlain(memory) ? {} : { types: [`memory-backend-${backendOf(memory)}`] }),
  check,
  compile: (memory, { machine }) => compile(memory, machine),
  mustSee: (_, { machine }) =>
    machine.nodes.length > 0
      ? []
      : [
          {
            device: 'memory',
            aspect: 'size',
            want: formatBytes(machine.ramBytes),
            see: (view) => {
              // Firmware tables have nodes only with an SRAT; with hot-plug slots QEMU makes one node of all memory.
              if (!view.nodes) return undefined
              const seen = view.nodes.reduce((sum, node) => sum + node.bytes, 0) + HOLE_BYTES
              return seenMemory(machine.ramBytes, seen, { view, machine })
            },
          },
          {
            device: 'numa',
            aspect: 'nodes',
            want: '1',
            see: (view) => view.nodes && `${inhabited(view.nodes)}`,
          },
        ],
  notCompared: (memory) =>
    isPlain(memory) ? [] : [{ device: 'memory', aspect: 'backend', because: HOST_SIDE }],
})
