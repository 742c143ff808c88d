/** Memory behind Compute Express Link: type-3 devices on root ports of host bridges, reached through fixed windows. */
import { formatBytes } from '../../units.ts'
import {
  type Argument,
  type Compiled,
  defineDevice,
  type Expectation,
  option,
  type PersistenceVerdict,
  type RuleContext,
} from '../device.ts'
import type { QemuCapabilities } from '../facts.ts'
import type { GuestCxlMemory, HardwareView } from '../guest-view.ts'
import { filesAndLocks, placeBacking } from './backing.ts'
import { backingProblems } from './backing-rules.ts'
import { checkCxl, cxlProblems } from './cxl-rules.ts'
import {
  backingOf,
  type CxlBridge,
  type CxlConfig,
  cxlFiles,
  cxlPlace,
  cxlSchema,
  LEAST_PORTS,
  labelBytes,
} from './cxl-schema.ts'
import { keptInFile } from './kept-in-file.ts'
import { pciFunction } from './pci-expectation.ts'

/** QEMU's cxl-type3 (hw/mem/cxl_type3.c). */
const PCI_FUNCTION = '8086:0d93'

export const cxl = defineDevice({
  kind: 'cxl',
  summary: 'CXL memory, persistent or volatile, behind a host bridge with a fixed memory window',
  schema: cxlSchema,
  savedState: () =>
    'QEMU saves no state of CXL devices: a restored guest would lose their configuration; use an NVDIMM',
  diagnostics: { ...cxlProblems, ...backingProblems },
  machineType: 'q35',
  flag: {
    name: 'cxl',
    first: 'size',
    example: '256M,bridge=b0',
    help: 'add CXL memory of this size; other keys as in the description',
  },
  place: (config, home) => ({ ...config, ...onlyFile(placeBacking(backingOf(config), home).file) }),
  paths(config, machine) {
    const { memory, label } = cxlFiles(config, machine)
    return [memory, label].filter((path) => path !== undefined)
  },
  needs: (config) => ({
    types: ['pxb-cxl', 'cxl-rp', 'cxl-type3', `memory-backend-${backingOf(config).backing}`],
  }),
  check: checkCxl,
  compile,
  mustSee,
  topology: ({ size, type }) => ({ detail: `${formatBytes(size)} ${type}` }),
  persistence,
})

const onlyFile = (file: string | undefined) => (file === undefined ? {} : { file })

/**
 * Everything of CXL comes last on the command line: QEMU puts a device that names no bus on a bus that still has room,
 * and would try the bridges' (seen: "Only PCI/PCIe bridges can be plugged into pxb-cxl").
 */
function compile(config: CxlConfig, { machine, facts, path }: RuleContext): Compiled {
  const { id = 'cxl0', size } = config
  const { bridge, index, port, ordinal } = cxlPlace(machine, path)
  const files = cxlFiles(config, machine)
  const backing = backingOf(config)
  const [memory, label, bridgeId] = [`${id}-memory`, `${id}-labels`, `${bridge.name}-bridge`]
  const fact = (file: string | undefined) => (file === undefined ? undefined : facts.files.get(file))
  const ofMemory = filesAndLocks(backing, files.memory, { fact: fact(files.memory), bytes: size })
  const ofLabel = filesAndLocks(backing, files.label, { fact: fact(files.label), bytes: labelBytes(config) })
  return {
    machineOptions: {
      cxl: 'on',
      [`cxl-fmw.${index}.targets.0`]: bridgeId,
      [`cxl-fmw.${index}.size`]: `${bridge.windowBytes}`,
    },
    lastArgs: [
      ...(port === 0
        ? [option('-device', 'pxb-cxl', { id: bridgeId, bus: 'pcie.0', bus_nr: bridge.bus })]
        : []),
      option('-device', 'cxl-rp', { id: `${id}-port`, bus: bridgeId, port, chassis: 0, slot: ordinal + 1 }),
      ...sparePort(bridge, bridgeId),
      backend(memory, size, { file: files.memory, share: backing.share }),
      ...(labelBytes(config) > 0 || config.type === 'persistent'
        ? [backend(label, labelBytes(config), { file: files.label, share: backing.share })]
        : []),
      option('-device', 'cxl-type3', {
        id,
        bus: `${id}-port`,
        [memoryProperty(config, facts.qemu)]: memory,
        sn: hasSerial(facts.qemu) ? ordinal + 1 : undefined,
        lsa: labelBytes(config) > 0 || config.type === 'persistent' ? label : undefined,
      }),
    ],
    files: [...(ofMemory.files ?? []), ...(ofLabel.files ?? [])],
    locks: [...(ofMemory.locks ?? []), ...(ofLabel.locks ?? [])],
    stores: [...(ofMemory.stores ?? []), ...(ofLabel.stores ?? [])],
  }
}

/** Slot numbers beyond those of ports with memory. */
const SPARE_SLOTS = 1000

function sparePort(bridge: CxlBridge, bus: string): readonly Argument[] {
  if (bridge.members.length >= LEAST_PORTS) return []
  const slot = SPARE_SLOTS + bridge.bus
  return [option('-device', 'cxl-rp', { id: `${bridge.name}-spare`, bus, port: 1, chassis: 0, slot })]
}

function backend(
  id: string,
  size: number,
  { file, share }: { readonly file: string | undefined; readonly share: boolean },
): Argument {
  return file === undefined
    ? option('-object', 'memory-backend-ram', { id, size })
    : option('-object', 'memory-backend-file', { id, 'mem-path': file, size, share })
}

/** QEMU 7.x has `memdev` alone; 8.1 made two of it, and calls the old name deprecated. */
function memoryProperty({ type }: CxlConfig, qemu: QemuCapabilities | undefined): string {
  if (type === 'volatile') return 'volatile-memdev'
  return qemu?.properties['cxl-type3']?.includes('persistent-memdev') ? 'persistent-memdev' : 'memdev'
}

/** Linux tells the parts of an interleave set apart by serial numbers, and 0 means no number (drivers/cxl/pmem.c). */
function hasSerial(qemu: QemuCapabilities | undefined): boolean {
  return qemu?.properties['cxl-type3']?.includes('sn') !== false
}

function mustSee(config: CxlConfig, { machine, path }: RuleContext): readonly Expectation[] {
  const device = `cxl ${config.id ?? 'cxl0'}`
  const { bridge, ordinal } = cxlPlace(machine, path)
  const ofMemory = (
    aspect: string,
    want: string,
    tell: (memory: GuestCxlMemory) => string | undefined,
  ): Expectation => ({
    device,
    aspect,
    want,
    see: ({ cxl: seen }: HardwareView) => {
      if (!seen?.memories) return undefined
      const memory = seen.memories[ordinal]
      return memory ? tell(memory) : null
    },
  })
  return [
    pciFunction(device, PCI_FUNCTION, ordinal),
    ofMemory('size', formatBytes(config.size), ({ bytes }) =>
      bytes === null ? undefined : formatBytes(bytes),
    ),
    ofMemory('type', config.type, ({ volatileBytes }) =>
      volatileBytes === undefined ? undefined : volatileBytes > 0 ? 'volatile' : 'persistent',
    ),
    {
      device,
      aspect: 'window',
      want: `${formatBytes(bridge.windowBytes)} of host bridge ${bridge.bus}`,
      see: ({ cxl: seen }) => {
        if (!seen?.windows) return undefined
        const window = seen.windows.find((w) => w.targets.includes(bridge.bus))
        return window ? `${formatBytes(window.bytes)} of host bridge ${window.targets.join(', ')}` : null
      },
    },
  ]
}

function persistence(config: CxlConfig, { machine, facts }: RuleContext): readonly PersistenceVerdict[] {
  const id = config.id ?? 'cxl0'
  const { memory } = cxlFiles(config, machine)
  const verdicts = keptInFile(
    { ...backingOf(config), id },
    { file: memory, fact: memory === undefined ? undefined : facts.files.get(memory) },
    {
      answer: 'not guaranteed',
      because:
        'writes wait in the host’s page cache until the host’s kernel writes them back: QEMU flushes nothing for CXL memory',
    },
  )
  if (config.type === 'persistent') return verdicts
  return verdicts.map((v) =>
    v.event === 'visible to other machines'
      ? v
      : {
          ...v,
          answer: 'not guaranteed',
          because: 'it is volatile memory: a guest does not look for what was in it',
        },
  )
}
