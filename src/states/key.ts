/** The key of a saved state: a digest of all that it depends on. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import type { Argument } from '../machine/device.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { contentOf } from '../qemu/cache.ts'
import { FORMAT } from './record.ts'

/** Options of QEMU whose value is a file that is read before the guest runs. */
const FILES_READ: readonly string[] = ['-kernel', '-initrd', '-dtb', '-bios']

/** Firmware and option ROMs that QEMU loads by itself (hw/i386, hw/net). */
const ROM = /\.(bin|rom|fd)$/

/** Digests of what a state depends on, by names for people. */
export type KeyParts = Readonly<Record<string, string>>

/** Where files are that the key depends on. */
export interface KeyFolders {
  readonly cache: string
  /** Folders in which QEMU looks for firmware. */
  readonly firmware: readonly string[]
}

/**
 * What the state of a machine at its first answer depends on.
 *
 * A machine is saved only while its stores are empty, so their paths do not matter.
 *
 * @param args of the plan, with RAM in backends of its own
 * @throws the system's error where a file cannot be read
 */
export function keyPartsOf(
  {
    qemu,
    profile,
    accelerator,
    facts,
    stores,
  }: Pick<GuestPlan, 'qemu' | 'profile' | 'accelerator' | 'facts' | 'stores'>,
  args: readonly Argument[],
  { cache, firmware }: KeyFolders,
): KeyParts {
  // The name of the guest is only that of the process.
  const ofMachine = args.filter(([flag]) => flag !== '-name')
  const flags = [...new Set(ofMachine.map(([flag]) => flag))]
  const read = ofMachine.filter(
    ([flag, value]) => FILES_READ.includes(flag) && value !== undefined && !isInFolder(value, flag),
  )
  return {
    'format of states': `${FORMAT}`,
    QEMU: digest([qemu.path, facts.qemuSha256, qemu.starting?.record]),
    firmware: digest(firmware.map(romsIn)),
    profile,
    accelerator: accelerator.name,
    // A guest of KVM has features of the CPU that it was started on.
    ...(accelerator.name === 'kvm' ? { 'CPU of this computer': digest(cpuOfHost()) } : {}),
    ...Object.fromEntries(
      read.map(([flag, value]) => [`content of ${flag}`, contentOf(value ?? '', cache).slice(0, DIGITS)]),
    ),
    ...Object.fromEntries(
      flags.map((name) => [
        name,
        digest(
          ofMachine.flatMap(([flag, value]) => (flag === name ? [value && withoutPaths(value, stores)] : [])),
        ),
      ]),
    ),
    'order of options': digest(ofMachine.map(([flag]) => flag)),
  }
}

/** QEMU looks for a bare name in its folders of firmware, which are part of the key as a whole. */
const isInFolder = (value: string, flag: string) => flag === '-bios' && !value.includes('/')

const DIGITS = 32

const digest = (value: unknown) =>
  createHash('sha256').update(JSON.stringify(value)).digest('hex').slice(0, DIGITS)

/** 32 hexadecimal digits. */
export const keyOf = (parts: KeyParts): string => digest(parts)

/** Names of the parts that differ. */
export function differenceOf(a: KeyParts, b: KeyParts): readonly string[] {
  const names = [...new Set([...Object.keys(a), ...Object.keys(b)])]
  const differing = names.filter((name) => a[name] !== b[name])
  // That an option was added or removed is said by its own name.
  const named = differing.filter(
    (name) => name !== 'order of options' && !differing.includes(`content of ${name}`),
  )
  return named.length > 0 ? named : differing
}

/** Identities and times of firmware files: QEMU copies them into the guest. */
function romsIn(folder: string): readonly (readonly unknown[])[] {
  try {
    return readdirSync(folder)
      .filter((name) => ROM.test(name))
      .toSorted()
      .flatMap((name) => {
        const found = statSync(join(folder, name), { bigint: true, throwIfNoEntry: false })
        return found ? [[name, `${found.ino}`, `${found.size}`, `${found.mtimeNs}`, `${found.ctimeNs}`]] : []
      })
  } catch {
    // QEMU skips folders that it cannot read.
    return []
  }
}

function withoutPaths(value: string, stores: GuestPlan['stores']): string {
  return stores.reduce(
    (text, { path, device }) => text.replaceAll(path.replaceAll(',', ',,'), `{store:${device}}`),
    value,
  )
}

/** Model, stepping, microcode and features of the first CPU. */
function cpuOfHost(): string {
  const [first = ''] = readFileSync('/proc/cpuinfo', 'utf8').split('\n\n')
  return first
    .split('\n')
    .filter((line) => !/^(cpu MHz|bogomips|processor|core id|apicid|initial apicid)\b/.test(line))
    .join('\n')
}
