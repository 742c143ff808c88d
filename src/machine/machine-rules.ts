/** Rules about the machine as a whole: what no single device can see. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { MachineView, QemuNeeds } from './device.ts'
import type { Facts, QemuCapabilities } from './facts.ts'
import type { MachineConfig } from './machine-schema.ts'
import type { Part } from './parts.ts'

export const problems = defineDiagnostics({
  ARCH_UNSUPPORTED: {
    title: 'A guest architecture other than x86_64.',
    why: 'bringup supports only x86-64 machines',
    remedy: 'omit `arch`, or set it to "x86_64"',
    qemu: 'accepts',
  },
  DEVICE_ID_TWICE: {
    title: 'Two devices have the same id.',
    why: 'QEMU, stores and reports distinguish devices by id',
    remedy: 'give one of them another id, or omit the id',
    source: 'QEMU: "Duplicate ID \'…\' for device"',
    qemu: 'refuses',
  },
  QEMU_LACKS_TYPE: {
    title: 'This QEMU binary does not have a device that the machine needs.',
    why: 'builds of QEMU differ in their devices, and this one does not list it',
    remedy:
      'install a QEMU that has it beside this one, such as `bringup qemu install 10.0 --from packages`, or name another binary with --qemu; `bringup qemu list` shows what each one has',
    source: 'QEMU: "\'…\' is not a valid device model name"',
    qemu: 'refuses',
  },
  QEMU_TOO_OLD: {
    title: 'This QEMU is too old for a device of the machine.',
    why: 'older versions have the device with flaws that were fixed later',
    remedy: 'install a newer QEMU beside this one: `bringup qemu install 10.0 --from packages`',
    qemu: 'accepts',
  },
  QEMU_LACKS_PROPERTY: {
    title: 'A device of this QEMU binary does not have a property that the machine needs.',
    why: 'properties come and go with versions and build options',
    remedy:
      'install a newer QEMU beside this one: `bringup qemu install 10.0 --from packages`; or omit the option',
    source: 'QEMU: "Property \'…\' not found"',
    qemu: 'refuses',
  },
  MACHINE_TYPE_UNKNOWN: {
    title: 'This QEMU binary does not have the machine type.',
    why: 'machine types are compiled in',
    remedy: 'use another binary (--qemu)',
    source: 'QEMU: "unsupported machine type"',
    qemu: 'refuses',
  },
  PIN_CPU_MISSING: {
    title: 'A pinned CPU does not exist.',
    why: 'the machine has no such thread',
    remedy: 'use an index below cpu.count',
    qemu: 'accepts',
  },
  PIN_TWICE: {
    title: 'A CPU is pinned twice.',
    why: 'only one of the two can apply',
    remedy: 'list all host CPUs in one entry',
    qemu: 'accepts',
  },
})

/** The one architecture of guests. */
export const ARCH = 'x86_64'

/** All problems of the whole. */
export function checkWhole(
  config: MachineConfig,
  view: MachineView,
  parts: readonly Part[],
  facts: Facts,
): readonly Diagnostic[] {
  return [
    ...checkPlatform(config, facts),
    ...checkIds(parts),
    ...checkNeeds(parts, facts),
    ...checkPins(config, view),
  ]
}

function checkPlatform({ arch, type }: MachineConfig, { qemu }: Facts): readonly Diagnostic[] {
  if (arch !== ARCH) return [problems.ARCH_UNSUPPORTED.at('arch', `arch is "${arch}"`)]
  if (!qemu || qemu.machines.length === 0 || qemu.machines.some((m) => m.name === type || m.alias === type))
    return []
  return [problems.MACHINE_TYPE_UNKNOWN.at('type', `QEMU at ${qemu.path} has no machine type "${type}"`)]
}

function checkIds(parts: readonly Part[]): readonly Diagnostic[] {
  const first = new Map<string, Part>()
  return parts.flatMap((part) => {
    if (!part.path.startsWith('devices[')) return []
    const other = first.get(part.id)
    if (other)
      return [
        problems.DEVICE_ID_TWICE.at(
          `${part.path}.id`,
          `"${part.id}" is the id of ${other.path} and of ${part.path}`,
        ),
      ]
    first.set(part.id, part)
    return []
  })
}

/** Hundreds of names, which stay the same for all machines that are checked for one QEMU. */
const typesKnown = new WeakMap<QemuCapabilities, ReadonlySet<string>>()

function typesOf(qemu: QemuCapabilities): ReadonlySet<string> {
  const types = typesKnown.get(qemu) ?? new Set(qemu.types)
  typesKnown.set(qemu, types)
  return types
}

function checkNeeds(parts: readonly Part[], { qemu }: Facts): readonly Diagnostic[] {
  if (!qemu) return []
  const types = typesOf(qemu)
  return parts.flatMap(({ device, config, path }) => {
    const needs = device.needs?.(config)
    if (!needs) return []
    const lacking = (needs.types ?? []).filter((type) => !types.has(type))
    const without = (needs.properties ?? []).filter(
      ([type, property]) => qemu.properties[type]?.includes(property) === false,
    )
    return [
      ...lacking.map((type) => {
        const remedy = removedRemedy(type)
        const what = `QEMU ${qemu.version.join('.')} at ${qemu.path} has no "${type}"`
        return problems.QEMU_LACKS_TYPE.at(path, what, remedy === undefined ? {} : { remedy })
      }),
      ...(needs.since ? tooOld(qemu, needs.since, { path, kind: device.kind }) : []),
      ...without.map(([type, property]) =>
        problems.QEMU_LACKS_PROPERTY.at(
          path,
          `"${type}" of QEMU at ${qemu.path} has no property "${property}"`,
        ),
      ),
    ]
  })
}

/** A device that newer QEMUs have no more needs an older one (docs/about/removed-features.rst). */
function removedRemedy(type: string): string | undefined {
  return type === 'pvrdma'
    ? 'install a QEMU that has it beside this one: `bringup qemu install 7.2 --from packages`'
    : undefined
}

function tooOld(
  { version, path: binary }: QemuCapabilities,
  { version: [major, minor], because }: NonNullable<QemuNeeds['since']>,
  { path, kind }: { readonly path: string; readonly kind: string },
): readonly Diagnostic[] {
  if (version[0] > major || (version[0] === major && version[1] >= minor)) return []
  const what = `QEMU ${version.join('.')} at ${binary} is older than ${major}.${minor}, which ${kind} needs`
  return [problems.QEMU_TOO_OLD.at(path, what, { why: because })]
}

function checkPins({ pins }: MachineConfig, { cpus }: MachineView): readonly Diagnostic[] {
  return pins.flatMap(({ cpu }, i) => {
    const at = `pins[${i}].cpu`
    if (cpu >= cpus.count)
      return [
        problems.PIN_CPU_MISSING.at(
          at,
          `CPU ${cpu} is pinned, but the last one at boot is ${cpus.count - 1}`,
        ),
      ]
    return pins.findIndex((p) => p.cpu === cpu) < i
      ? [problems.PIN_TWICE.at(at, `CPU ${cpu} is pinned twice`)]
      : []
  })
}
