/** What can be wrong with how much memory there is, at boot and in the slots. Where it lies: `memory-place-rules.ts`. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { formatBytes, GiB, KiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { QemuCapabilities } from '../facts.ts'
import { mayUseKvm } from './may-use-kvm.ts'
import { backendOf, LEAST_RAM, type MemoryConfig, slotsAndMax } from './memory-options.ts'
import { checkPlace } from './memory-place-rules.ts'

export const problems = defineDiagnostics({
  MEMORY_SIZE_UNALIGNED: {
    title: 'A RAM size that is not a multiple of 8 KiB.',
    why: 'QEMU rounds RAM up to 8 KiB, so the size in the guest would differ from the description',
    remedy: 'use a multiple of 8K; whole megabytes are best',
    source: 'QEMU softmmu/vl.c: sz = QEMU_ALIGN_UP(sz, 8192)',
    qemu: 'misbehaves',
  },
  MEMORY_TOO_SMALL: {
    title: 'Less RAM than firmware and kernel need.',
    why: 'QEMU starts, but the firmware finds no room, or (for 0) QEMU takes its own default instead',
    remedy: 'give at least 8M; Linux wants 128M or more',
    qemu: 'misbehaves',
  },
  MEMORY_EXCEEDS_HOST: {
    severity: 'warning',
    title: 'More RAM than this computer has.',
    why: 'QEMU may fail to get it, or the host may run out of memory once the guest uses it',
    remedy: 'lower memory.size, or use a file backend on a disk',
    source: 'QEMU: "cannot set up guest memory \'pc.ram\': Cannot allocate memory"',
  },
  MEMORY_SLOTS_TOO_FEW: {
    title: 'Fewer DIMM slots than DIMMs.',
    why: 'every NVDIMM takes a slot',
    remedy: 'omit memory.slots, and bringup counts them',
    source: 'QEMU: "no free slots available", "no slots where allocated"',
    qemu: 'refuses',
  },
  MEMORY_SLOTS_TOO_MANY: {
    title: 'More DIMM slots than QEMU has.',
    why: 'ACPI memory hot-plug has 256 slots',
    remedy: 'use at most 256 slots',
    source: 'QEMU: "unsupported amount of memory slots"',
    qemu: 'refuses',
  },
  MEMORY_MAX_TOO_SMALL: {
    title: 'The memory maximum does not hold RAM and all DIMMs.',
    why: 'maxmem counts the RAM at boot and everything in the slots',
    remedy: 'omit memory.max, and bringup computes it',
    source:
      'QEMU: "not enough space, currently 0x… in use of total space for memory devices", "invalid value of maxmem"',
    qemu: 'refuses',
  },
  MEMORY_HOTPLUG_TWICE: {
    title: 'Room for hot-plug is given in two ways.',
    why: 'slots and max are totals, whereas hotplug adds to what the devices need',
    remedy: 'omit memory.slots and memory.max, or omit memory.hotplug',
    qemu: 'accepts',
  },
  MEMORY_MAX_UNALIGNED: {
    title: 'The memory maximum is not a multiple of the page size.',
    why: 'hot-plugged memory comes in pages',
    remedy: 'use a multiple of 4K, or omit memory.max',
    source: 'QEMU: "maximum memory size must by aligned to multiple of 4096 bytes"',
    qemu: 'refuses',
  },
  MEMORY_ADDRESS_SPACE: {
    title: 'RAM and DIMMs do not fit below the end of the CPU’s address space.',
    why: 'the emulated CPU has 40 address bits; RAM, a GiB of room per slot and the PCI window come out of 1 TiB, less 12 GiB that AMD reserves',
    remedy: 'make the DIMMs smaller, or lower memory.max',
    source: 'QEMU: "Address space limit 0xffffffffff < … phys-bits too low (40)"',
    qemu: 'refuses',
  },
})

/** All problems of the memory section. */
export function check(memory: MemoryConfig, context: RuleContext): readonly Diagnostic[] {
  return [
    ...checkSize(memory, context),
    ...checkSlots(memory, context),
    ...checkHotplug(memory, context),
    ...checkPlace(memory, context),
  ]
}

function checkSize(memory: MemoryConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const { ramBytes } = machine
  const found: Diagnostic[] = []
  const at = `${path}.size`
  if (ramBytes < LEAST_RAM) found.push(problems.MEMORY_TOO_SMALL.at(at, `${formatBytes(ramBytes)} of RAM`))
  if (ramBytes % (8 * KiB) !== 0)
    found.push(problems.MEMORY_SIZE_UNALIGNED.at(at, `${ramBytes} bytes of RAM`))
  if (ramBytes > facts.hostBytes && backendOf(memory) !== 'file') {
    found.push(
      problems.MEMORY_EXCEEDS_HOST.at(
        at,
        `${formatBytes(ramBytes)} of RAM, but this computer has ${(facts.hostBytes / GiB).toFixed(1)} GiB`,
      ),
    )
  }
  return found
}

function checkSlots(memory: MemoryConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const plug = slotsAndMax(memory, machine)
  if (!plug) return []
  const { dimms, ramBytes } = machine
  const found: Diagnostic[] = []
  const inSlots = dimms.filter((d) => d.hasSlot).length
  if (plug.slots < inSlots)
    found.push(
      problems.MEMORY_SLOTS_TOO_FEW.at(
        `${path}.slots`,
        `${plural(plug.slots, 'slot')} for ${plural(inSlots, 'DIMM')}`,
      ),
    )
  if (plug.slots > 256) found.push(problems.MEMORY_SLOTS_TOO_MANY.at(`${path}.slots`, `${plug.slots} slots`))
  const needed = ramBytes + dimms.reduce((sum, d) => sum + d.bytes, 0)
  const isFull = plug.slots > 0 && plug.maxBytes <= ramBytes
  if (plug.maxBytes < needed || isFull) {
    found.push(
      problems.MEMORY_MAX_TOO_SMALL.at(
        `${path}.max`,
        `memory.max is ${formatBytes(plug.maxBytes)}, but RAM and DIMMs need ${isFull ? 'more than ' : ''}${formatBytes(needed)}`,
      ),
    )
  } else if (plug.maxBytes % (4 * KiB) !== 0)
    found.push(problems.MEMORY_MAX_UNALIGNED.at(`${path}.max`, `memory.max is ${plug.maxBytes} bytes`))
  const end = endOfAddresses(machine, plug)
  if (end > 2 ** (machine.physBits ?? 40) && !mayUseKvm(machine, facts) && boundsAddresses(facts.qemu)) {
    found.push(
      problems.MEMORY_ADDRESS_SPACE.at(
        `${path}.max`,
        `RAM, DIMMs and PCI window end at ${Math.ceil(end / GiB)} GiB`,
      ),
    )
  }
  return found
}

/**
 * QEMU compares the end of the memory with the address bits since 7.1 (hw/i386/pc.c, pc_memory_init). Before that `max` is
 * room that may lie beyond them; nothing but the version tells.
 */
function boundsAddresses(qemu: QemuCapabilities | undefined): boolean {
  const [major = 0, minor = 0] = qemu?.version ?? [7, 1]
  return major > 7 || (major === 7 && minor >= 1)
}

function checkHotplug({ hotplug, slots, max }: MemoryConfig, { path }: RuleContext): readonly Diagnostic[] {
  if (hotplug === undefined || (slots === undefined && max === undefined)) return []
  const other = slots === undefined ? 'max' : 'slots'
  return [problems.MEMORY_HOTPLUG_TWICE.at(`${path}.hotplug`, `memory.hotplug and memory.${other} are given`)]
}

/** Where the PCI window above RAM and DIMMs ends. Source: hw/i386/pc.c, pc_max_used_gpa(); tried on q35 and pc. */
function endOfAddresses(
  { type, ramBytes }: RuleContext['machine'],
  plug: { readonly slots: number; readonly maxBytes: number },
): number {
  const isPc = type === 'pc'
  const below4G = isPc
    ? ramBytes < 3.5 * GiB
      ? ramBytes
      : 3 * GiB
    : ramBytes < 2.75 * GiB
      ? ramBytes
      : 2 * GiB
  const end = 4 * GiB + plug.maxBytes - below4G + plug.slots * GiB + (isPc ? 2 : 32) * GiB
  // What would reach the 12 GiB below 1 TiB that AMD reserves is placed above them.
  return end > 1012 * GiB ? end + 1020 * GiB : end
}
