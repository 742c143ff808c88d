/** The rules of CXL memory. QEMU's words are those of 7.2; every one was tried. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { formatBytes } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { QemuCapabilities } from '../facts.ts'
import { checkBacking } from './backing-rules.ts'
import {
  backingOf,
  CAPACITY_UNIT,
  type CxlConfig,
  cxlBridges,
  cxlFiles,
  cxlPlace,
  labelBytes,
} from './cxl-schema.ts'

const CXL_RST = 'QEMU docs/system/devices/cxl.rst'

export const cxlProblems = defineDiagnostics({
  CXL_NEEDS_Q35: {
    title: 'CXL memory on a machine without PCI Express.',
    why: 'a CXL host bridge is a PCI Express root, which the machine type "pc" does not support',
    remedy: 'omit `type`, or set it to "q35"',
    source: 'QEMU: "Bus \'pcie.0\' not found"',
    qemu: 'refuses',
  },
  CXL_VOLATILE_UNSUPPORTED: {
    title: 'This QEMU has persistent CXL memory only.',
    why: 'its cxl-type3 device has no property volatile-memdev: volatile memory came with QEMU 8.1',
    remedy:
      'install a newer QEMU beside this one: `bringup qemu install 10.0 --from packages`; or use `type: "persistent"`',
    source: `${CXL_RST} (8.1: volatile-memdev); QEMU: "Property 'cxl-type3.volatile-memdev' not found"`,
    qemu: 'refuses',
  },
  CXL_SIZE_ZERO: {
    title: 'CXL memory with size 0.',
    why: 'QEMU cannot create a memory backend of size 0',
    remedy: 'give it a size, such as "256M"',
    source: "QEMU: \"doesn't take value '0'\"",
    qemu: 'refuses',
  },
  CXL_SIZE_NOT_CAPACITY: {
    title: 'The capacity of CXL memory is not a multiple of 256 MiB.',
    why: 'capacities are counted in units of 256 MiB: QEMU starts, and then answers the guest’s "identify" with an error, so that no driver takes the device',
    remedy: 'use a multiple of 256M',
    source: 'QEMU hw/cxl/cxl-mailbox-utils.c, CXL_CAPACITY_MULTIPLIER',
    qemu: 'misbehaves',
  },
  CXL_LABEL_ZERO: {
    title: 'Persistent CXL memory without a label area.',
    why: 'QEMU requires a label area for every persistent device',
    remedy: 'omit `label` (it is 128K), or give it a size',
    source: "QEMU: \"doesn't take value '0'\"",
    qemu: 'refuses',
  },
  CXL_WINDOW_NOT_CAPACITY: {
    title: 'The size of a fixed memory window is not a multiple of 256 MiB.',
    why: 'that is the unit of windows in the CEDT',
    remedy: 'use a multiple of 256M, or omit `window`',
    source: 'QEMU: "Size of a CXL fixed memory window must my a multiple of 256MiB"',
    qemu: 'refuses',
  },
  CXL_WINDOW_TOO_SMALL: {
    title: 'The memory behind a CXL host bridge does not fit into its fixed memory window.',
    why: 'the guest reaches CXL memory through the window alone, so part of it could never be used; QEMU does not check it',
    remedy: 'make `window` larger, or omit it, and bringup computes it',
    source: 'CXL 3.0, 9.17.1.3 (CFMWS)',
    qemu: 'accepts',
  },
  CXL_WINDOW_TWICE: {
    title: 'Two devices behind one CXL host bridge set the size of its window.',
    why: 'a bridge has one window',
    remedy: 'set `window` in only one of them',
    qemu: 'accepts',
  },
  CXL_BRIDGES_TOO_MANY: {
    title: 'More CXL host bridges than QEMU has registers for.',
    why: 'each bridge takes 64 KiB of a region that holds 17',
    remedy: 'give several devices the same `bridge`',
    source: 'QEMU: "Insufficient space for pxb cxl host register space"',
    qemu: 'refuses',
  },
  CXL_BRIDGE_FULL: {
    title: 'More CXL memory behind one host bridge than it has root ports.',
    why: 'a bus has 32 places',
    remedy: 'put the rest behind another `bridge`',
    source: 'QEMU: "no slot/function available for cxl-rp, all in use or reserved"',
    qemu: 'refuses',
  },
})

const MOST_BRIDGES = 17
const MOST_PORTS = 32

/** All problems of one CXL memory device. Those of its bridge are reported once, with the bridge's first device. */
export function checkCxl(config: CxlConfig, context: RuleContext): readonly Diagnostic[] {
  return [
    ...checkPlatform(config, context),
    ...checkSizes(config, context.path),
    ...checkBridge(config, context),
    ...checkFiles(config, context),
  ]
}

function checkPlatform({ type }: CxlConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  return [
    ...(machine.type === 'q35'
      ? []
      : [cxlProblems.CXL_NEEDS_Q35.at(path, `the machine type is "${machine.type}"`)]),
    ...(type === 'volatile' && !hasVolatile(facts.qemu)
      ? [
          cxlProblems.CXL_VOLATILE_UNSUPPORTED.at(
            `${path}.type`,
            `QEMU ${facts.qemu?.version.join('.') ?? ''} at ${facts.qemu?.path} has no cxl-type3.volatile-memdev`,
          ),
        ]
      : []),
  ]
}

/** A binary that was not asked is not judged. */
function hasVolatile(qemu: QemuCapabilities | undefined): boolean {
  const properties = qemu?.properties['cxl-type3']
  return properties === undefined || properties.includes('volatile-memdev')
}

function checkSizes(config: CxlConfig, path: string): readonly Diagnostic[] {
  const { size, type, label, window } = config
  return [
    ...(size === 0 ? [cxlProblems.CXL_SIZE_ZERO.at(`${path}.size`, 'the size is 0')] : []),
    ...(size % CAPACITY_UNIT === 0
      ? []
      : [
          cxlProblems.CXL_SIZE_NOT_CAPACITY.at(
            `${path}.size`,
            `${formatBytes(size)} is not a multiple of 256M`,
          ),
        ]),
    ...(type === 'persistent' && label === 0
      ? [cxlProblems.CXL_LABEL_ZERO.at(`${path}.label`, 'label is 0')]
      : []),
    ...(window === undefined || (window > 0 && window % CAPACITY_UNIT === 0)
      ? []
      : [cxlProblems.CXL_WINDOW_NOT_CAPACITY.at(`${path}.window`, `the window is ${formatBytes(window)}`)]),
  ]
}

function checkBridge({ window }: CxlConfig, { machine, path }: RuleContext): readonly Diagnostic[] {
  const { bridge, index, port } = cxlPlace(machine, path)
  const first = bridge.members.find((m) => m.config.window !== undefined)
  const twice =
    window !== undefined && first?.path !== path
      ? [
          cxlProblems.CXL_WINDOW_TWICE.at(
            `${path}.window`,
            `${first?.path} says the window of bridge "${bridge.name}" too`,
          ),
        ]
      : []
  if (port > 0) return twice
  const needed = bridge.members.reduce((sum, m) => sum + m.config.size, 0)
  const { windowBytes, name, members } = bridge
  return [
    ...twice,
    ...(windowBytes > 0 && windowBytes < needed
      ? [
          cxlProblems.CXL_WINDOW_TOO_SMALL.at(
            `${first?.path ?? path}.window`,
            `the window of bridge "${name}" is ${formatBytes(windowBytes)}, its memory ${formatBytes(needed)}`,
          ),
        ]
      : []),
    ...(members.length > MOST_PORTS
      ? [cxlProblems.CXL_BRIDGE_FULL.at(path, `${plural(members.length, 'device')} behind bridge "${name}"`)]
      : []),
    ...(index === 0 && cxlBridges(machine).length > MOST_BRIDGES
      ? [cxlProblems.CXL_BRIDGES_TOO_MANY.at(path, `${cxlBridges(machine).length} host bridges`)]
      : []),
  ]
}

/** The label area lies in a second file; problems of both are reported once. */
function checkFiles(config: CxlConfig, context: RuleContext): readonly Diagnostic[] {
  const files = cxlFiles(config, context.machine)
  const backing = backingOf(config)
  const ofMemory = checkBacking(backing, { file: files.memory, bytes: config.size }, context)
  if (files.label === undefined) return ofMemory
  const told = new Set(ofMemory.map((d) => d.code))
  const ofLabel = checkBacking(backing, { file: files.label, bytes: labelBytes(config) }, context)
  return [
    ...ofMemory,
    ...ofLabel
      .filter((d) => !told.has(d.code))
      .map((d) => (d.path.endsWith('.size') ? { ...d, path: `${context.path}.label` } : d)),
  ]
}
