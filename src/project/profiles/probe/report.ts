/** Reads the probe kernel's report out of console text. The guest may print anything: every line is checked. */
import * as z from 'zod'
import type { GuestCxl, GuestView } from '../../../machine/guest-view.ts'

/** The lines that become part of the view; other keys are ignored. Source: kernels/probe/README.md. */
const makeSchemas = () => {
  const number = z.number().nonnegative()
  const node = number.nullable()
  const text = z.string().max(4096)
  const index = z.int().min(0).max(4095)
  return {
    probe: z.object({ boot: text, cmdline: text }),
    'cpu-model': z.object({ vendor: text, brand: text }),
    cpu: z.object({
      apicId: number,
      node,
      socket: number.optional(),
      core: number.optional(),
      thread: number.optional(),
      online: z.boolean(),
      hotplug: z.boolean().optional(),
    }),
    node: z.object({ node: number, cpus: number, bytes: number }),
    distance: z.object({ from: index, to: index, value: number }),
    'hmat-initiator': z.object({ target: number, initiator: node }),
    hmat: z.object({ initiator: number, target: number, hierarchy: text, type: text, value: number }),
    'hmat-cache': z.object({
      node: number,
      level: number,
      bytes: number,
      associativity: text,
      policy: text,
      line: number,
    }),
    nvdimm: z.object({
      handle: number,
      bytes: number,
      node,
      persistenceDomain: z.enum(['cpu', 'mem-ctrl']).nullable(),
      armed: z.boolean(),
      state: z.enum(['new', 'kept', 'foreign', 'bad', 'readonly']).optional(),
      boots: number.optional(),
    }),
    'virtio-pmem': z.object({ address: text, bytes: node }),
    nic: z.object({ address: text, mac: text, link: z.boolean() }),
    frame: z.object({ what: z.enum(['heard', 'answered']), own: text, peer: text, counter: number }),
    ivshmem: z.object({ address: text, bytes: number, vectors: number, id: node }),
    'cxl-host-bridge': z.object({ uid: number, version: number }),
    'cxl-window': z.object({ window: number, start: number, bytes: number }),
    'cxl-target': z.object({ window: number, position: number, uid: number }),
    'cxl-memory': z.object({ address: text, bytes: node }),
    pci: z.object({ address: text, vendor: text, device: text, class: text }),
    serial: z.object({ port: number, present: z.boolean() }),
  } as const
}

type Schemas = ReturnType<typeof makeSchemas>
type Type = keyof Schemas
type LineOf<T extends Type> = z.output<Schemas[T]>

/** What was read: the lines that are as they should be, by type, and the number that the guest says it printed. */
interface Report {
  readonly schemas: Schemas
  readonly lines: ReadonlyMap<string, readonly unknown[]>
  readonly unreadable: readonly string[]
  readonly counts: Readonly<Record<string, unknown>> | undefined
}

const CONSOLE_LINE = 8192
const MAX_LINES = 100_000

/**
 * What the last report on the console says.
 *
 * @returns undefined without a report (`report=no`); `missing` names the lines that did not arrive or are unreadable
 */
export function parseReport(console: string): GuestView | undefined {
  const report = readReport(console)
  const all = <T extends Type>(type: T) => (report.lines.get(type) ?? []) as readonly LineOf<T>[]
  // A kernel without a report prints `probe` too, and types that no view needs.
  const hasReport =
    report.counts !== undefined ||
    [...report.lines.keys()].some((type) => type !== 'probe' && Object.hasOwn(report.schemas, type))
  if (!hasReport) return undefined
  const missing = missingOf(report)
  const [first] = all('probe')
  const [model] = all('cpu-model')
  return {
    by: 'probe kernel',
    ...(missing.length > 0 ? { missing } : {}),
    commandLine: first?.cmdline ?? '',
    ...(first ? { firmware: first.boot === 'efi' ? 'uefi' : 'bios' } : {}),
    ...(model ? { cpuModel: { vendor: model.vendor, brand: model.brand } } : {}),
    cpus: all('cpu')
      .map(({ hotplug, ...cpu }) => ({
        ...cpu,
        ...(!cpu.online && hotplug === false ? { isIdle: true } : {}),
      }))
      .toSorted((a, b) => a.apicId - b.apicId),
    nodes: all('node'),
    distances: matrix(all('distance')),
    hmat: all('hmat'),
    initiators: all('hmat-initiator'),
    caches: all('hmat-cache'),
    nvdimms: all('nvdimm').map(({ armed, ...rest }) => ({ ...rest, isArmed: armed })),
    virtioPmems: all('virtio-pmem').toSorted(byAddress),
    nics: all('nic')
      .toSorted(byAddress)
      .map(({ address: name, mac, link }) => {
        const peers = all('frame').filter(({ own }) => own === mac)
        return { name, mac, link, ...(peers.length > 0 ? { peers: peers.map(peerOf) } : {}) }
      }),
    ivshmems: all('ivshmem')
      .map(({ id, ...rest }) => ({ ...rest, ...(id === null ? {} : { id }) }))
      .toSorted(byAddress),
    cxl: {
      hostBridges: all('cxl-host-bridge'),
      windows: windows(all('cxl-window'), all('cxl-target')),
      memories: all('cxl-memory').toSorted(byAddress),
    },
    pci: all('pci'),
    serialPorts: all('serial')
      .filter((s) => s.present)
      .map((s) => s.port),
  }
}

/** Lines of the last report: a guest that restarted begins a new one with `probe`. */
function readReport(console: string): Report {
  const start = console.lastIndexOf('{"t":"probe"')
  const lines = new Map<string, unknown[]>()
  const unreadable: string[] = []
  let counted: Record<string, unknown> | undefined
  const schemas = makeSchemas()
  if (start === -1) return { schemas, lines, unreadable, counts: undefined }
  for (const line of console.slice(start).split('\n', MAX_LINES)) {
    const at = line.indexOf('{"t":')
    if (at === -1) continue
    const value = line.length > CONSOLE_LINE ? undefined : parseJson(line.slice(at))
    const type = value?.t
    // What the command line asks for comes after the report; of its lines only frames belong to the view.
    if ((counted !== undefined) !== (type === 'frame')) continue
    if (type === 'report') {
      counted = value
      continue
    }
    if (typeof type !== 'string') {
      unreadable.push(shown(line))
      continue
    }
    const schema = Object.hasOwn(schemas, type) ? schemas[type as Type] : undefined
    const parsed = schema === undefined ? { success: true, data: value } : schema.safeParse(value)
    if (!parsed.success) unreadable.push(shown(line))
    else if (lines.has(type)) lines.get(type)?.push(parsed.data)
    else lines.set(type, [parsed.data])
  }
  return { schemas, lines, unreadable, counts: counted }
}

function parseJson(text: string): Record<string, unknown> | undefined {
  try {
    const parsed: unknown = JSON.parse(text)
    return typeof parsed === 'object' && parsed !== null ? (parsed as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}

/** Evidence goes to terminals, so no control characters. */
const shown = (line: string) => line.slice(0, 120).replaceAll(/[^ -~]/g, '?')

function missingOf({ lines, unreadable, counts }: Report): readonly string[] {
  const short = Object.entries(counts ?? {}).flatMap(([type, wanted]) => {
    const got = lines.get(type)?.length ?? 0
    return type !== 't' && typeof wanted === 'number' && got < wanted
      ? [`${wanted - got} of ${wanted} "${shown(type)}" lines`]
      : []
  })
  return [
    ...short,
    ...(counts === undefined ? ['the end of the report (its "report" line)'] : []),
    ...unreadable.slice(0, 5).map((line) => `unreadable line: ${line}`),
    ...(unreadable.length > 5 ? [`${unreadable.length - 5} more unreadable lines`] : []),
  ]
}

const peerOf = ({ peer, what, counter }: LineOf<'frame'>) => ({ mac: peer, what, counter })

const byAddress = (a: { readonly address: string }, b: { readonly address: string }) =>
  a.address < b.address ? -1 : 1

function windows(
  lines: readonly LineOf<'cxl-window'>[],
  targets: readonly LineOf<'cxl-target'>[],
): GuestCxl['windows'] {
  return lines.map(({ window, start, bytes }) => ({
    start,
    bytes,
    targets: targets.filter((t) => t.window === window).map((t) => t.uid),
  }))
}

function matrix(entries: readonly LineOf<'distance'>[]): readonly (readonly number[])[] {
  const rows: number[][] = []
  for (const { from, to, value } of entries) {
    rows[from] ??= []
    const row = rows[from]
    row[to] = value
  }
  return rows
}
