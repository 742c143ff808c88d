/** CPUs, nodes and memory as Linux has them: /proc/cpuinfo, /proc/zoneinfo, /sys/devices/system/{cpu,node}. */
import type { GuestCpu, GuestCpuModel, HardwareView } from '../../../machine/guest-view.ts'
import { matching, type Printed, parseCpuList } from './view-files.ts'

/** `present` of a zone counts pages that exist, whether they are in use or not; MemTotal lacks what the kernel took at boot. */
export const CPU_SCRIPT = `
cpu=/sys/devices/system/cpu
node=/sys/devices/system/node
grep -s -e '^processor' -e '^apicid' -e '^vendor_id' -e '^model name' -e '^flags' /proc/cpuinfo /dev/null
grep -s -e '^Node' -e '^        present' /proc/zoneinfo /dev/null
grep -s '' $cpu/possible $cpu/present $cpu/online $cpu/cpu*/topology/physical_package_id $cpu/cpu*/topology/core_id \\
  $node/online $node/node*/cpulist $node/node*/distance /dev/null
grep -s '' $node/node*/access0/initiators/*_latency $node/node*/access0/initiators/*_bandwidth \\
  $node/node*/memory_side_cache/index*/* /dev/null
for link in $node/node*/access0/initiators/node*; do
  [ -e $link ] && echo "$link:"
done`

const CPU = '/sys/devices/system/cpu'
const NODE = '/sys/devices/system/node'
const PAGE = 4096

interface Processor {
  readonly cpu: number
  readonly apicId: number | null
}

export function cpusOf(printed: Printed): readonly GuestCpu[] {
  const online = processorsOf(printed)
  const list = (name: string) => parseCpuList(printed.files.get(`${CPU}/${name}`) ?? '')
  const isPresent = new Set(list('present'))
  const nodes = nodeOfCpu(printed)
  const topology = (cpu: number, file: string) => {
    const text = printed.files.get(`${CPU}/cpu${cpu}/topology/${file}`)
    return text === undefined ? undefined : Number(text)
  }
  const running = online
    .toSorted((a, b) => (a.apicId ?? 0) - (b.apicId ?? 0))
    .map(({ cpu, apicId }) => ({
      apicId,
      node: nodes.get(cpu) ?? null,
      socket: topology(cpu, 'physical_package_id'),
      core: topology(cpu, 'core_id'),
      online: true,
    }))
  const known = new Set(online.map((c) => c.cpu))
  const others = list('possible').filter((cpu) => !known.has(cpu))
  return [
    ...running.map((cpu, i) => {
      const before = running.slice(0, i).filter((c) => c.socket === cpu.socket && c.core === cpu.core)
      return { ...cpu, thread: before.length }
    }),
    ...others.map((cpu) => ({
      apicId: null,
      node: nodes.get(cpu) ?? null,
      online: false,
      ...(isPresent.has(cpu) ? { isIdle: true } : {}),
    })),
  ]
}

/** CPUs that run: /proc/cpuinfo lists no others. A kernel without SMP prints no APIC ids. */
function processorsOf({ lines }: Printed): readonly Processor[] {
  const found: Processor[] = []
  for (const [path, text] of lines) {
    if (path !== '/proc/cpuinfo') continue
    const value = Number(text.split(':')[1])
    const last = found.at(-1)
    if (text.startsWith('processor')) found.push({ cpu: value, apicId: null })
    else if (text.startsWith('apicid') && last) found[found.length - 1] = { ...last, apicId: value }
  }
  return found
}

function nodeOfCpu(printed: Printed): ReadonlyMap<number, number> {
  const listed = matching(printed, /^\/sys\/devices\/system\/node\/node(\d+)\/cpulist$/)
  return new Map(
    listed.flatMap(({ groups: [node], text }) =>
      parseCpuList(text).map((cpu) => [cpu, Number(node)] as const),
    ),
  )
}

export function cpuModelOf({ lines }: Printed): GuestCpuModel | undefined {
  const field = (name: string) =>
    lines
      .find(([path, text]) => path === '/proc/cpuinfo' && text.startsWith(name))?.[1]
      .split(':')[1]
      ?.trim()
  const vendor = field('vendor_id')
  if (vendor === undefined) return undefined
  return {
    vendor,
    brand: field('model name') ?? '',
    flags: (field('flags') ?? '').split(' ').filter(Boolean),
  }
}

/** A kernel without NUMA has one node that only /proc/zoneinfo names, with all CPUs. */
export function nodesOf(printed: Printed): HardwareView['nodes'] {
  const bytes = presentBytes(printed)
  const listed = matching(printed, /^\/sys\/devices\/system\/node\/node(\d+)\/cpulist$/)
  const online = new Set(processorsOf(printed).map((c) => c.cpu))
  if (listed.length === 0) {
    const all = [...bytes.values()].reduce((sum, n) => sum + n, 0)
    return bytes.size === 0 ? undefined : [{ node: 0, cpus: online.size, bytes: all }]
  }
  return listed
    .map(({ groups: [node], text }) => ({
      node: Number(node),
      cpus: parseCpuList(text).filter((cpu) => online.has(cpu)).length,
      bytes: bytes.get(Number(node)) ?? 0,
    }))
    .toSorted((a, b) => a.node - b.node)
}

/** Memory of devices, such as persistent memory that has pages, is no RAM. */
function presentBytes({ lines }: Printed): ReadonlyMap<number, number> {
  const bytes = new Map<number, number>()
  let zone: { readonly node: number; readonly name: string } | undefined
  for (const [path, text] of lines) {
    if (path !== '/proc/zoneinfo') continue
    const [, node, name] = /^Node (\d+), zone +(\w+)/.exec(text) ?? []
    if (node !== undefined && name !== undefined) zone = { node: Number(node), name }
    const pages = /^ +present +(\d+)/.exec(text)?.[1]
    if (pages === undefined || zone === undefined || zone.name === 'Device') continue
    bytes.set(zone.node, (bytes.get(zone.node) ?? 0) + Number(pages) * PAGE)
  }
  return bytes
}

/** Rows by node number; nodes that are not online have none, in the rows of the others too. */
export function distancesOf(printed: Printed): HardwareView['distances'] {
  const online = parseCpuList(printed.files.get(`${NODE}/online`) ?? '')
  const rows: (readonly number[])[] = []
  for (const { groups, text } of matching(printed, /^\/sys\/devices\/system\/node\/node(\d+)\/distance$/)) {
    const row: number[] = []
    for (const [i, value] of text.trim().split(/\s+/).entries()) row[online[i] ?? i] = Number(value)
    rows[Number(groups[0])] = row
  }
  return rows
}

/** Nanoseconds and MiB per second of the best initiators of each node; 0 is "not known". */
export function hmatOfNearest(printed: Printed): NonNullable<HardwareView['hmatOfNearest']> {
  const initiators = initiatorsOf(printed)
  const values = matching(printed, /^\/sys\/devices\/system\/node\/node(\d+)\/access0\/initiators\/(\w+)$/)
  return values.flatMap(({ groups: [node, file = ''], text }) => {
    const value = Number(text)
    if (!(value > 0)) return []
    const target = Number(node)
    return initiators
      .filter((i) => i.target === target)
      .map(({ initiator }) => ({
        initiator,
        target,
        hierarchy: 'memory',
        type: file.replace('_', '-'),
        value: file.endsWith('latency') ? value * 1000 : value * 2 ** 20,
      }))
  })
}

export function initiatorsOf(
  printed: Printed,
): readonly { readonly target: number; readonly initiator: number }[] {
  const links = matching(printed, /^\/sys\/devices\/system\/node\/node(\d+)\/access0\/initiators\/node(\d+)$/)
  return links.map(({ groups: [target, initiator] }) => ({
    target: Number(target),
    initiator: Number(initiator),
  }))
}

/** `enum cache_indexing` and `enum cache_write_policy` of include/linux/node.h. */
const INDEXING = ['direct', 'complex', 'none'] as const
const POLICIES = ['write-back', 'write-through', 'none'] as const

export function memoryCachesOf(printed: Printed): NonNullable<HardwareView['caches']> {
  const sizes = matching(
    printed,
    /^(\/sys\/devices\/system\/node\/node(\d+)\/memory_side_cache\/index(\d+))\/size$/,
  )
  return sizes.map(({ groups: [folder = '', node, level], text }) => {
    const value = (file: string) => Number(printed.files.get(`${folder}/${file}`))
    return {
      node: Number(node),
      level: Number(level),
      bytes: Number(text),
      associativity: INDEXING[value('indexing')] ?? 'other',
      policy: POLICIES[value('write_policy')] ?? 'other',
      line: value('line_size'),
    }
  })
}
