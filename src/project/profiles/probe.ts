/** The bundled kernel: it reports what a guest really sees, and exercises every way to end. */
import { dirname } from 'node:path'
import type {
  GuestCpu,
  GuestCxl,
  GuestCxlMemory,
  GuestHmatEntry,
  GuestNvdimm,
  GuestPciFunction,
  GuestView,
  GuestVirtioPmem,
} from '../../machine/guest-view.ts'
import type { MachineInput } from '../../machine/machine.ts'
import { buildProbe, findProbe, type ProbeKernel } from '../probe-build.ts'
import { defineProfile, type PrepareContext } from '../profile.ts'

/** Codes that `kernels/probe` writes to isa-debug-exit; its README has the table. */
const EXIT_CODES = {
  16: { verdict: 'passed', meaning: 'the probe kernel reported everything' },
  2: { verdict: 'failed', meaning: 'the probe kernel panicked' },
  3: {
    verdict: 'failed',
    meaning: 'a self test of the probe kernel failed: the accelerator or QEMU is broken',
  },
  4: { verdict: 'failed', meaning: 'a store does not hold what was written to it' },
  6: { verdict: 'failed', meaning: 'unhandled exception in the probe kernel' },
  7: { verdict: 'failed', meaning: 'the CPU has no long mode, which the probe kernel needs' },
} as const

export const probe = defineProfile({
  name: 'probe',
  summary: 'bundled kernel that reports CPUs, nodes, distances, NVDIMMs and PCI devices as it finds them',
  dependencies: [
    {
      name: 'build',
      summary: 'what compiles the bundled kernel',
      dependencies: [
        {
          kind: 'program',
          program: 'gcc',
          alternatives: ['cc', 'clang'],
          packages: 'gcc',
          why: 'compiles the bundled kernel',
        },
        { kind: 'program', program: 'ld', packages: 'binutils', why: 'links the bundled kernel' },
      ],
    },
  ],
  defaults: { debugExit: true, timeout: '30s' },
  judgement: {
    exitCodes: EXIT_CODES,
    panicPatterns: ['^PANIC: ', '^EXCEPTION: '],
    onPowerOff: 'passed',
    onReset: 'stop',
  },
  needsLongMode: true,
  hasShell: false,
  verifiesByDefault: true,
  async prepare(context) {
    return { machine: bootOf(await buildProbe(context), context) }
  },
  preview(context) {
    const { isBuilt, ...kernel } = findProbe(context.cacheFolder)
    const path = dirname(kernel.pvh)
    const pending = isBuilt ? [] : [{ what: 'the probe kernel, compiled from its source', path }]
    return { machine: bootOf(kernel, context), pending }
  },
  view: async ({ consoleText }) => parseReport(consoleText()),
})

/** UEFI firmware boots the kernel from a folder; a named firmware file means UEFI too. */
function bootOf(kernel: ProbeKernel, { machine }: PrepareContext): MachineInput {
  const { firmware, esp, code, variables } = machine.boot ?? {}
  const isEfi = firmware === 'uefi' || (firmware === undefined && (esp ?? code ?? variables) !== undefined)
  return { boot: isEfi ? { esp: kernel.esp } : { kernel: kernel.pvh } }
}

interface Line {
  readonly t: string
  readonly [key: string]: unknown
}

/**
 * Reads the probe's JSON lines out of console text; other text is passed over.
 *
 * @returns undefined without a report (`report=no`), and until its `end` line is there: half a report would look like
 *   missing hardware.
 */
export function parseReport(text: string): GuestView | undefined {
  const lines = text.split('\n').flatMap(parseLine)
  const first = lines.findLastIndex((l) => l.t === 'probe')
  const report = lines.slice(first)
  const isWhole = report.some((l) => l.t === 'cpu') && report.some((l) => l.t === 'end')
  if (first === -1 || !isWhole) return undefined
  const all = <T>(t: string) => report.filter((l) => l.t === t) as unknown as readonly T[]
  const hmat = all<GuestHmatEntry>('hmat')
  return {
    commandLine: String(report[0]?.cmdline ?? ''),
    cpus: all<GuestCpu>('cpu').toSorted((a, b) => a.apicId - b.apicId),
    nodes: all<{ node: number; cpus: number; bytes: number }>('node'),
    distances: matrix(all('distance')),
    hmat,
    nvdimms: all<GuestNvdimm & { armed: boolean }>('nvdimm').map(({ armed, ...rest }) => ({
      ...rest,
      isArmed: armed,
    })),
    virtioPmems: all<GuestVirtioPmem>('virtio-pmem').toSorted(byAddress),
    cxl: {
      hostBridges: all<{ uid: number; version: number }>('cxl-host-bridge'),
      windows: windows(all('cxl-window'), all('cxl-target')),
      memories: all<GuestCxlMemory>('cxl-memory').toSorted(byAddress),
    },
    pci: all<GuestPciFunction>('pci'),
    serialPorts: all<{ port: number; present: boolean }>('serial')
      .filter((s) => s.present)
      .map((s) => s.port),
  }
}

const byAddress = (a: { readonly address: string }, b: { readonly address: string }) =>
  a.address < b.address ? -1 : 1

function windows(
  lines: readonly { readonly window: number; readonly start: number; readonly bytes: number }[],
  targets: readonly { readonly window: number; readonly position: number; readonly uid: number }[],
): GuestCxl['windows'] {
  return lines.map(({ window, start, bytes }) => ({
    start,
    bytes,
    targets: targets.filter((t) => t.window === window).map((t) => t.uid),
  }))
}

function parseLine(text: string): readonly Line[] {
  const at = text.indexOf('{"t":')
  if (at === -1) return []
  try {
    return [JSON.parse(text.slice(at)) as Line]
  } catch {
    return []
  }
}

function matrix(
  entries: readonly { readonly from: number; readonly to: number; readonly value: number }[],
): readonly (readonly number[])[] {
  const rows: number[][] = []
  for (const { from, to, value } of entries) {
    rows[from] ??= []
    const row = rows[from]
    row[to] = value
  }
  return rows
}
