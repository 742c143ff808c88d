/** Persistent memory: a file or RAM that the guest sees as an NVDIMM. */
import { resolve } from 'node:path'
import { formatBytes } from '../../units.ts'
import type { Compiled, Expectation, MachineView, Plug, RuleContext } from '../device.ts'
import { defineDevice, option } from '../device.ts'
import type { FileFact } from '../facts.ts'
import type { GuestNvdimm, GuestPmemRegion, HardwareView } from '../guest-view.ts'
import { checkNvdimm, problems } from './nvdimm-rules.ts'
import {
  backendBytes,
  mappedBytes,
  type NvdimmConfig,
  nvdimmFile,
  nvdimmOptions,
  nvdimmSchema,
  usesPmem,
} from './nvdimm-schema.ts'
import { nvdimmPersistence } from './persistence.ts'
import { nvdimmConditions } from './persistence-conditions.ts'

/** QEMU's ChangeLog/6.0: "memory-backend-file gained a readonly option", which makes the nvdimm device read-only. */
const SINCE = {
  version: [6, 0],
  because: 'before 6.0 QEMU opens every backing file for writing, read-only NVDIMMs too',
} as const

export const nvdimm = defineDevice({
  kind: 'nvdimm',
  summary: 'persistent memory, kept in a file, on a NUMA node',
  schema: nvdimmSchema,
  diagnostics: problems,
  savedState: () => true,
  flag: {
    name: 'nvdimm',
    first: 'size',
    example: '256M,node=1',
    help: 'add an NVDIMM of this size; other keys as in the description',
  },

  place: (nvdimm, home) =>
    nvdimm.file === undefined ? nvdimm : { ...nvdimm, file: resolve(home.folder, nvdimm.file) },
  paths(config, machine) {
    const path = nvdimmFile(config, machine)
    return path === undefined ? [] : [path]
  },
  // QEMU counts what the guest can use against maxmem; the label area is not mapped.
  dimms: ({ size }) => [{ bytes: size, hasSlot: true }],
  needs: ({ backing }) => ({ types: ['nvdimm', `memory-backend-${backing}`], since: SINCE }),
  check: checkNvdimm,
  compile,
  plug,
  mustSee,
  topology: ({ size, node = 0 }) => ({ node, detail: formatBytes(size) }),
  persistence: nvdimmPersistence,
  persistenceConditions: nvdimmConditions,
})

function compile(config: NvdimmConfig, context: RuleContext): Compiled {
  const { object, device, files, locks, stores } = plug(config, context)
  const [{ type, ...ofObject }, { type: driver, ...ofDevice }] = [object, device]
  return {
    machineOptions: nvdimmOptions(context.machine),
    args: [option('-object', type, ofObject), option('-device', driver, ofDevice)],
    ...(files ? { files, locks, stores } : {}),
  }
}

function plug(config: NvdimmConfig, { machine, facts }: RuleContext): Plug {
  const { id = 'nvdimm0', node, label, share, readonly } = config
  const file = nvdimmFile(config, machine)
  const fact = file === undefined ? undefined : facts.files.get(file)
  const bytes = mappedBytes(config, fact)
  const memory = `${id}-memory`
  return {
    object:
      file === undefined
        ? { type: 'memory-backend-ram', id: memory, size: bytes }
        : {
            type: 'memory-backend-file',
            id: memory,
            'mem-path': file,
            size: bytes,
            share,
            ...(usesPmem(config, fact, facts.qemu) ? { pmem: true } : {}),
            ...(readonly ? { readonly } : {}),
            // A DAX device is mapped only at multiples of its own alignment.
            align: config.align ?? fact?.daxDevice?.align,
          },
    device: {
      type: 'nvdimm',
      id,
      memdev: memory,
      node,
      'label-size': label,
      unarmed: isUnarmed(config) ? true : undefined,
    },
    ...stored(config, file, fact),
  }
}

function stored(
  config: NvdimmConfig,
  file: string | undefined,
  fact: FileFact | undefined,
): Pick<Compiled, 'files' | 'locks' | 'stores'> {
  if (file === undefined) return {}
  const { id = 'nvdimm0', size, label = 0, share, readonly } = config
  const isMissing = !fact || fact.kind === 'missing'
  return {
    files: isMissing ? [{ kind: 'create-sparse', path: file, bytes: backendBytes(config) }] : [],
    // Opening a pipe, to lock it, would wait forever.
    locks: fact?.kind === 'other' ? [] : [{ path: file, mode: lockMode(config) }],
    stores: share && !readonly ? [{ path: file, device: id, size, label }] : [],
  }
}

/** QEMU wants a read-only backend to be unarmed, and lets a writable one be. */
function isUnarmed({ unarmed, readonly, backing }: NvdimmConfig): boolean {
  return unarmed ?? (readonly && backing === 'file')
}

/** QEMU takes no lock on a memory backend. A machine that cannot change the file shares it with its like. */
export function lockMode({
  shared,
  share,
  readonly,
}: Pick<NvdimmConfig, 'shared' | 'share' | 'readonly'>): 'exclusive' | 'shared' {
  return shared || readonly || !share ? 'shared' : 'exclusive'
}

function mustSee(config: NvdimmConfig, { machine, path }: RuleContext): readonly Expectation[] {
  const device = `nvdimm ${config.id ?? 'nvdimm0'}`
  const handle = handleOf(machine, path)
  const expect: Expect = (aspect, want, tell) => ({
    device,
    aspect,
    want,
    see: (view: HardwareView) => {
      if (!view.nvdimms) return undefined
      const seen = view.nvdimms.find((n) => n.handle === handle)
      return seen ? tell(seen) : null
    },
  })
  const node = config.node ?? 0
  return [
    expect('size', formatBytes(config.size), (seen) => formatBytes(seen.bytes)),
    ...(machine.nodes.length > 0
      ? [expect('node', `${node}`, (seen) => (seen.node === null ? null : `${seen.node}`))]
      : []),
    expect(
      'persistence domain',
      machine.nvdimmPersistence ?? 'not reported',
      (seen) => seen.persistenceDomain ?? 'not reported',
    ),
    ...regionMustBe(config, expect),
    expect('armed', isUnarmed(config) ? 'no' : 'yes', ({ isArmed }) =>
      isArmed === undefined ? undefined : isArmed ? 'yes' : 'no',
    ),
  ]
}

type Expect = (
  aspect: string,
  want: string,
  tell: (seen: GuestNvdimm) => string | null | undefined,
) => Expectation

/** What an operating system's driver makes of the NVDIMM; guests without one tell nothing of it. */
function regionMustBe(config: NvdimmConfig, expect: Expect): readonly Expectation[] {
  const ofRegion = (aspect: string, want: string, tell: (region: GuestPmemRegion) => string | null) =>
    expect(aspect, want, ({ region }) => (region ? tell(region) : undefined))
  const { label, namespaces } = config
  return [
    ofRegion('access', isUnarmed(config) ? 'read-only' : 'read-write', ({ isReadOnly }) =>
      isReadOnly ? 'read-only' : 'read-write',
    ),
    ...(label === undefined
      ? [
          ofRegion('namespace', 'has a driver', ({ namespaces: seen }) =>
            seen.some((n) => n.mode !== 'raw' || n.deviceNode !== null) ? 'has a driver' : null,
          ),
        ]
      : []),
    expect('labels', label === undefined ? 'no' : 'yes', ({ hasLabels }) =>
      hasLabels === undefined ? undefined : hasLabels ? 'yes' : 'no',
    ),
    ...(namespaces === undefined
      ? []
      : [
          ofRegion(
            'namespaces',
            namespaces.join(', ') || 'none',
            (region) => region.namespaces.map((n) => n.mode).join(', ') || 'none',
          ),
        ]),
  ]
}

/** QEMU fills DIMM slots in the order of the options; an NFIT handle is the slot number plus one. */
function handleOf(machine: MachineView, path: string): number {
  return machine.devices.filter((d) => d.kind === 'nvdimm').findIndex((d) => d.path === path) + 1
}
