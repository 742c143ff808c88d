/** What can be wrong with shared memory. QEMU's words are those of 7.2. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, KiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import { type BackingContext, checkBacking } from './backing-rules.ts'
import type { IvshmemConfig, SharedMemory } from './ivshmem-schema.ts'
import { checkHostNodes } from './memory-place-rules.ts'

export const problems = defineDiagnostics({
  IVSHMEM_SIZE_MISSING: {
    title: 'A shared memory has no size, or the memory that it joins does not exist.',
    why: 'the size is that of the device’s memory BAR, and must be the same for all guests',
    remedy: 'set `size`, such as "1M", or `memory` to the name of a memory of the rack',
    source: 'QEMU: "Parameter \'size\' is missing"',
    qemu: 'refuses',
  },
  IVSHMEM_SIZE_NOT_POWER: {
    title: 'The size of a shared memory is not a power of two, or below 4K.',
    why: 'the memory is a PCI BAR, whose size is a power of two; QEMU aborts on other sizes',
    remedy: 'use a power of two from "4K" on, such as "1M"',
    source:
      'QEMU: "pci_register_bar: Assertion `is_power_of_2(size)\' failed"; below a page "does not match \'size\' option"',
    qemu: 'refuses',
  },
  IVSHMEM_SOCKET_UNUSABLE: {
    title: 'There is no server at the socket of a shared memory.',
    why: 'QEMU connects to the server at startup and takes memory and interrupts from it',
    remedy: 'start the server, correct the path, or omit `socket`: bringup then starts a server for the run',
    source: 'QEMU: "Failed to connect to \'…\'"',
    qemu: 'refuses',
  },
  IVSHMEM_SOCKET_TOO_LONG: {
    title: 'The path of the server’s socket is too long.',
    why: 'the kernel has room for 108 bytes',
    remedy: 'use a shorter path, such as one below /tmp',
    source: 'unix(7); QEMU: "UNIX socket path \'…\' is too long"',
    qemu: 'refuses',
  },
  IVSHMEM_KEYS_CLASH: {
    title: 'Keys of a shared memory contradict each other.',
    why: 'a server that runs already has its own memory, a file has the page size of its file system, and a doorbell needs vectors',
    remedy: 'remove one of the keys; with `socket` keep `size` and `vectors`',
    qemu: 'accepts',
  },
  IVSHMEM_HUGE_PAGES: {
    title: 'The host lacks the huge pages for a shared memory.',
    why: 'a memory of huge pages needs whole ones, all of them free at startup',
    remedy:
      'raise /sys/kernel/mm/hugepages/hugepages-…/nr_hugepages as root, use a larger size, or omit `hugePages`',
    source: 'QEMU: "failed to create memfd with flags"; "unable to map backing store for guest RAM"',
    qemu: 'refuses',
  },
  IVSHMEM_POLICY_WITHOUT_NODES: {
    title: 'A shared memory has a policy and no host nodes.',
    why: 'bind, preferred and interleave all need to know which nodes',
    remedy: 'set `hostNodes`, such as [0], or omit `policy`',
    source: 'QEMU: "host-nodes must be set for policy"',
    qemu: 'refuses',
  },
  IVSHMEM_NODES_IGNORED: {
    severity: 'warning',
    title: 'Host nodes are set for a shared memory in a file on a disk.',
    why: 'the pages of such a file belong to the page cache, which no policy of a mapping applies to',
    remedy: 'omit `hostNodes`, omit `file`, or use a file on tmpfs',
    source: 'mbind(2)',
    qemu: 'misbehaves',
  },
})

type Place = Pick<RuleContext, 'path'>

/** Length of sun_path. QEMU and the kernel do without the terminating zero. */
const LONGEST_PATH = 108
const LEAST = 4 * KiB
const ON_MEMORY = ['tmpfs', 'hugetlbfs', 'ramfs']

export function checkIvshmem(config: IvshmemConfig, context: RuleContext): readonly Diagnostic[] {
  return [
    ...checkSize(config, context),
    ...checkSocket(config, context),
    ...checkClash(config, context),
    ...checkHost(config, context),
  ]
}

/** Memory of a rack that no device joins. A device checks what it joins. */
export function checkSharedMemory(
  id: string,
  memory: SharedMemory,
  { facts, path }: Pick<RuleContext, 'facts' | 'path'>,
): readonly Diagnostic[] {
  const config = { ...memory, kind: 'ivshmem', id, memory: id, master: false } as const
  return [
    ...checkSize(config, { path }),
    ...checkClash(config, { path }),
    ...checkHost(config, { facts, path, machine: { devices: [] } }),
  ]
}

/** What it takes of this computer. */
function checkHost(config: IvshmemConfig, context: BackingContext): readonly Diagnostic[] {
  return [...checkFile(config, context), ...checkHugePages(config, context), ...checkNodes(config, context)]
}

function checkSize({ size, memory }: IvshmemConfig, { path }: Place): readonly Diagnostic[] {
  if (size === undefined)
    return [
      memory === undefined
        ? problems.IVSHMEM_SIZE_MISSING.at(`${path}.size`, 'size is not set')
        : problems.IVSHMEM_SIZE_MISSING.at(`${path}.memory`, `memory "${memory}" does not exist`, {
            remedy: `describe it in the rack: memory: { ${memory}: { size: '1M' } }; or omit \`memory\` and set \`size\``,
          }),
    ]
  const isPower = Number.isInteger(Math.log2(size))
  if (isPower && size >= LEAST) return []
  const next = 2 ** Math.max(12, Math.ceil(Math.log2(size)))
  return [
    problems.IVSHMEM_SIZE_NOT_POWER.at(`${path}.size`, `the size is ${formatBytes(size)}`, {
      remedy: `use "${formatBytes(next)}"`,
    }),
  ]
}

function checkSocket({ socket }: IvshmemConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  if (socket === undefined) return []
  const at = `${path}.socket`
  const bytes = Buffer.byteLength(socket)
  if (bytes > LONGEST_PATH) return [problems.IVSHMEM_SOCKET_TOO_LONG.at(at, `${socket} has ${bytes} bytes`)]
  const fact = facts.files.get(socket)
  if (!fact || fact.kind === 'other') return []
  const what = fact.kind === 'missing' ? `${socket} does not exist` : `${socket} is not a socket`
  return [problems.IVSHMEM_SOCKET_UNUSABLE.at(at, what)]
}

function checkClash(config: IvshmemConfig, { path }: Place): readonly Diagnostic[] {
  const { socket, vectors, file, hugePages } = config
  const clash = (key: string, what: string) => problems.IVSHMEM_KEYS_CLASH.at(`${path}.${key}`, what)
  const ofServer = (['memory', 'file', 'hugePages', 'hostNodes'] as const).filter(
    (key) => config[key] !== undefined,
  )
  return [
    ...(socket === undefined ? [] : ofServer.map((key) => clash(key, `socket and ${key} are both set`))),
    ...(socket !== undefined && vectors === undefined
      ? [clash('socket', 'socket is set, and vectors is not')]
      : []),
    ...(file !== undefined && hugePages !== undefined
      ? [clash('hugePages', 'file and hugePages are both set')]
      : []),
  ]
}

function checkFile(config: IvshmemConfig, context: BackingContext): readonly Diagnostic[] {
  const { id, file, size: bytes = 0 } = config
  if (file === undefined) return []
  return checkBacking({ id, backing: 'file', file, share: true, shared: true }, { file, bytes }, context)
}

function checkHugePages(
  { hugePages, size = 0, file }: IvshmemConfig,
  { facts, path }: BackingContext,
): readonly Diagnostic[] {
  if (hugePages === undefined || file !== undefined) return []
  const found = (what: string) => [problems.IVSHMEM_HUGE_PAGES.at(`${path}.hugePages`, what)]
  const pool = facts.hugePages.find((p) => p.bytes === hugePages)
  if (!pool) {
    const sizes = facts.hugePages.map((p) => formatBytes(p.bytes)).join(', ') || 'none'
    return found(`this computer has no pages of ${formatBytes(hugePages)}; it has: ${sizes}`)
  }
  if (size % hugePages !== 0) return found(`${formatBytes(size)} in pages of ${formatBytes(hugePages)}`)
  const wanted = size / hugePages
  return pool.free >= wanted
    ? []
    : found(`${wanted} pages of ${formatBytes(hugePages)} are needed, ${pool.free} are free`)
}

function checkNodes(
  { hostNodes, policy, file }: IvshmemConfig,
  { facts, path }: BackingContext,
): readonly Diagnostic[] {
  if (hostNodes === undefined)
    return policy === undefined
      ? []
      : [
          problems.IVSHMEM_POLICY_WITHOUT_NODES.at(
            `${path}.policy`,
            `policy "${policy}", and hostNodes is not set`,
          ),
        ]
  const { fileSystem } = facts.files.get(file ?? '') ?? {}
  const isIgnored = fileSystem !== undefined && !ON_MEMORY.includes(fileSystem)
  return [
    ...checkHostNodes(hostNodes, facts.hostNodes, `${path}.hostNodes`),
    ...(isIgnored
      ? [problems.IVSHMEM_NODES_IGNORED.at(`${path}.hostNodes`, `${file} is on ${fileSystem}`)]
      : []),
  ]
}
