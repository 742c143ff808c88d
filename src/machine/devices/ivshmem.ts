/** Memory that several guests see as a PCI device, with interrupts between them where it has vectors. */

import { resolve } from 'node:path'
import { formatBytes } from '../../units.ts'
import {
  type Argument,
  type Compiled,
  defineDevice,
  type Expectation,
  type Join,
  option,
  type QemuNeeds,
  type RuleContext,
} from '../device.ts'
import type { GuestIvshmem } from '../guest-view.ts'
import { backingProblems } from './backing-rules.ts'
import { checkIvshmem, problems } from './ivshmem-rules.ts'
import { type IvshmemConfig, joinMemory, memoryOf, schema } from './ivshmem-schema.ts'
import { pciFunction } from './pci-expectation.ts'

const PCI_FUNCTION = '1af4:1110'

export const ivshmem = defineDevice({
  kind: 'ivshmem',
  summary: 'memory shared between guests, with interrupts between them where it has vectors',
  schema,
  diagnostics: { ...problems, ...backingProblems },
  flag: {
    name: 'ivshmem',
    first: 'size',
    example: '1M,file=/dev/shm/window',
    help: 'add shared memory of this size; other keys as in the description',
  },
  place: (config, home) => ({
    ...config,
    ...(config.file === undefined ? {} : { file: resolve(home.folder, config.file) }),
    ...(config.socket === undefined ? {} : { socket: resolve(home.folder, config.socket) }),
  }),
  paths: ({ file, socket }) => [
    ...(file === undefined ? [] : [file]),
    ...(socket === undefined ? [] : [socket]),
  ],
  needs,
  savedState: ({ vectors, memory, file, socket }) =>
    vectors !== undefined
      ? 'QEMU does not save the server of its interrupts'
      : (memory !== undefined && file === undefined && socket === undefined) ||
        'its content is outside of the guest; use a memory of the rack without `file`',
  memories: ({ memory }) => (memory === undefined ? [] : [memory]),
  withMemories: joinMemory,
  check: checkIvshmem,
  compile,
  mustSee,
  notCompared: ({ id = 'ivshmem0' }) => [
    { device: `ivshmem ${id}`, aspect: 'contents', because: 'the comparison writes nothing to the memory' },
  ],
  topology: ({ size, vectors, memory }) => ({
    detail: [
      ...(size === undefined ? [] : [formatBytes(size)]),
      ...(vectors === undefined ? [] : [`${vectors} ${vectors === 1 ? 'vector' : 'vectors'}`]),
      ...(memory === undefined ? [] : [`shared as ${memory}`]),
    ].join(', '),
  }),
})

function needs({ vectors, file, memory }: IvshmemConfig): QemuNeeds {
  if (vectors !== undefined) return { types: ['ivshmem-doorbell'] }
  return {
    types: ['ivshmem-plain', hasPath({ file, memory }) ? 'memory-backend-file' : 'memory-backend-memfd'],
  }
}

const hasPath = ({ file, memory }: Pick<IvshmemConfig, 'file' | 'memory'>) =>
  file !== undefined || memory !== undefined

function compile(config: IvshmemConfig, { facts, machine }: RuleContext): Compiled {
  const { file, size = 0, vectors, socket } = config
  const isMissing = file !== undefined && facts.files.get(file)?.kind === 'missing'
  return {
    args: vectors === undefined ? plainArgs(config) : doorbellArgs({ ...config, vectors }),
    files: isMissing ? [{ kind: 'create-sparse', path: file, bytes: size }] : [],
    // A process that wants the file for itself must not have it beside this guest.
    locks: file === undefined ? [] : [{ path: file, mode: 'shared' }],
    joins: isJoining(config) && socket === undefined ? [joinOf(config, machine.name)] : [],
  }
}

/** The interrupts need a server; memory of a rack is one for all of its guests. */
const isJoining = ({ vectors, memory, file }: Pick<IvshmemConfig, 'vectors' | 'memory' | 'file'>) =>
  vectors !== undefined || (memory !== undefined && file === undefined)

function joinOf(config: IvshmemConfig, machine: string): Join {
  const { id = 'ivshmem0', memory } = config
  return {
    id: `${id}-memory`,
    kind: 'memory',
    resource: memory ?? `${machine}/${id}`,
    device: id,
    memory: memoryOf(config),
  }
}

function plainArgs({
  id = 'ivshmem0',
  size,
  file,
  memory,
  master,
  ...place
}: IvshmemConfig): readonly Argument[] {
  const { hugePages, hostNodes, policy = hostNodes && 'bind' } = place
  const isFile = hasPath({ file, memory })
  return [
    option('-object', isFile ? 'memory-backend-file' : 'memory-backend-memfd', {
      id: `${id}-memory`,
      size,
      'mem-path': isFile ? (file ?? `/proc/self/fd/{fd:${id}-memory}`) : undefined,
      hugetlb: !isFile && hugePages !== undefined ? true : undefined,
      hugetlbsize: isFile ? undefined : hugePages,
      share: true,
      'host-nodes': hostNodes,
      policy,
    }),
    // Without it QEMU cannot save the guest. The content of a memory of the rack is saved with the rack.
    option('-device', 'ivshmem-plain', {
      id,
      memdev: `${id}-memory`,
      master: master || isJoining({ memory, file, vectors: undefined }) || undefined,
    }),
  ]
}

function doorbellArgs({
  id = 'ivshmem0',
  vectors,
  socket,
  master,
}: IvshmemConfig & { readonly vectors: number }): readonly Argument[] {
  const server = `${id}-server`
  return [
    socket === undefined
      ? option('-chardev', 'socket', { id: server, fd: `{fd:${id}-memory}` })
      : option('-chardev', 'socket', { id: server, path: socket }),
    option('-device', 'ivshmem-doorbell', { id, chardev: server, vectors, master: master || undefined }),
  ]
}

function mustSee(
  { id = 'ivshmem0', size = 0, vectors }: IvshmemConfig,
  { machine, path }: RuleContext,
): readonly Expectation[] {
  const device = `ivshmem ${id}`
  const ordinal = machine.devices.filter((d) => d.kind === 'ivshmem').findIndex((d) => d.path === path)
  const row = (
    aspect: string,
    want: string,
    read: (seen: GuestIvshmem) => string | undefined,
  ): Expectation => ({
    device,
    aspect,
    want,
    see: ({ ivshmems }) => {
      if (!ivshmems) return undefined
      const seen = ivshmems[ordinal]
      return seen ? read(seen) : null
    },
  })
  return [
    pciFunction(device, PCI_FUNCTION, ordinal),
    row('size', formatBytes(size), ({ bytes }) => formatBytes(bytes)),
    row('vectors', `${vectors ?? 0}`, (seen) => (seen.vectors === undefined ? undefined : `${seen.vectors}`)),
  ]
}
