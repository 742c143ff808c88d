/** What a tree boots, by a command for QEMU of its own: the medium for `kernel`, and the machine around it. Pure. */
import { namesCard } from '../../machine/devices/display.ts'
import { machineFromQemu } from '../../machine/from-qemu/from-qemu.ts'
import type { MachineInput } from '../../machine/machine-schema.ts'
import { readQemuArgs } from '../../machine/qemu-args.ts'
import { type FoundCommand, pathInTree } from './found.ts'

type Device = NonNullable<MachineInput['devices']>[number]
export type MediumKey = 'image' | 'disk' | 'iso' | 'floppy' | 'esp'

export interface Booted {
  readonly key: MediumKey
  /** One path, or several disks of which the first is booted. */
  readonly paths: readonly string[]
  readonly bus?: string
  /** Keys of the machine, without what `kernel` says. */
  readonly machine: Readonly<Record<string, unknown>>
  /** Files that have to be there: the medium, further disks, the initial RAM disk, the firmware. */
  readonly files: readonly string[]
  readonly exitCodes?: Readonly<Record<string, 'passed'>>
  readonly notes: readonly string[]
}

/** Undefined for a command that does not say plainly what it boots. */
export function bootedBy({ command, folder, where, passes }: FoundCommand): Booted | undefined {
  if (command.target !== 'x86_64' && command.target !== 'i386') return undefined
  if (!isPlainlyRead(command.words)) return undefined
  const read = machineFromQemu(command.words, { is32Bit: command.target === 'i386' })
  const { devices: all = [], boot = {}, ...rest } = read.machine
  const path = (text: string | undefined) => (text === undefined ? undefined : pathInTree(text, folder))
  const medium = mediumOf({ devices: all, boot }, path)
  if (!medium) return undefined
  const [initrd, append] = [path(boot.initrd), /\$/.test(boot.append ?? '') ? undefined : boot.append]
  const devices = all.flatMap((device) => (medium.devices.includes(device) ? [] : placed(device, path)))
  // OVMF of this computer, unless the tree has its own.
  const code = path(boot.code)
  const isUefi = boot.firmware === 'uefi' && medium.key !== 'esp'
  const booting = {
    ...(isUefi ? { firmware: 'uefi' } : {}),
    ...(isUefi && code !== undefined ? { code } : {}),
    ...(initrd === undefined ? {} : { initrd }),
    ...(append === undefined ? {} : { append }),
  }
  const machine = {
    ...machineKeys(rest),
    ...(Object.keys(booting).length === 0 ? {} : { boot: booting }),
    ...(devices.length > 0 ? { devices } : {}),
  }
  return {
    key: medium.key,
    paths: medium.paths,
    ...(medium.bus === undefined || medium.bus === 'ide' ? {} : { bus: medium.bus }),
    machine,
    files: [
      ...new Set([
        ...medium.paths,
        ...(initrd === undefined ? [] : [initrd]),
        ...(isUefi && code !== undefined ? [code] : []),
        ...devices.flatMap(fileOf),
        ...filesNamed(rest.qemuArgs ?? [], path),
      ]),
    ],
    ...(passes === undefined
      ? {}
      : { exitCodes: Object.fromEntries(passes.map((value) => [`${value}`, 'passed'])) }),
    notes: read.remarks
      .filter(({ state }) => state === 'lost' || state === 'passed')
      .map(
        ({ words, because, state }) =>
          `${state === 'lost' ? 'Not in the description' : 'Passed to QEMU'}: ${words} of ${where}: ${because}`,
      ),
  }
}

/**
 * Whether the words look as if a person had written them for QEMU: a file without an option is an image by its name, and
 * no file begins with a dash. Else what is read as a command is text of another kind.
 */
function isPlainlyRead(words: readonly string[]): boolean {
  return words.every((word, i) => {
    const before = words[i - 1] ?? ''
    if (FILE_OPTION.test(before)) return !word.startsWith('-')
    const isAlone = !word.startsWith('-') && !/^--?\w/.test(before)
    return !isAlone || /[$`*?]/.test(word) || /^[\w./+@-]*(?:\.\w+|\/[\w-]+)$/.test(word)
  })
}
const FILE_OPTION = /^--?(hd[a-d]|fd[ab]|cdrom|kernel|initrd)$/

interface Medium {
  readonly key: MediumKey
  readonly paths: readonly string[]
  readonly bus?: string
  /** Devices that `kernel` says. */
  readonly devices: readonly Device[]
}

type PathOf = (text: string | undefined) => string | undefined

/** A kernel that QEMU loads comes first, then an EFI system partition, then what firmware tries first. */
function mediumOf(
  {
    devices,
    boot,
  }: { readonly devices: readonly Device[]; readonly boot: NonNullable<MachineInput['boot']> },
  path: PathOf,
): Medium | undefined {
  const [kernel, esp] = [path(boot.kernel), path(boot.esp)]
  if (kernel !== undefined) return { key: 'image', paths: [kernel], devices: [] }
  if (esp !== undefined) return { key: 'esp', paths: [esp], devices: [] }
  const index = (device: Device) => ('bootindex' in device ? device.bootindex : undefined)
  const ordered = devices
    .filter(
      (device) => index(device) !== undefined && fileOf(device).some((file) => path(file) !== undefined),
    )
    .toSorted((a, b) => (index(a) ?? 0) - (index(b) ?? 0))
  const isUefi = boot.firmware === 'uefi'
  // A kernel's own medium rather than an empty disk beside its CD.
  const cdrom = ordered.find(({ kind }) => kind === 'cdrom')
  const first = cdrom && ordered[0]?.kind === 'disk' ? cdrom : ordered[0]
  const file = first && path(fileOf(first)[0])
  if (!first || file === undefined || (isUefi && first.kind === 'floppy')) return undefined
  if (first.kind === 'cdrom')
    return { key: 'iso', paths: [file], devices: [first], ...(first.bus ? { bus: first.bus } : {}) }
  if (first.kind === 'floppy') return { key: 'floppy', paths: [file], devices: [first] }
  if (first.kind !== 'disk') return undefined
  const bus = first.bus ?? 'virtio'
  const alike = devices.filter(
    (device) => device.kind === 'disk' && (device.bus ?? 'virtio') === bus && isPlainDisk(device),
  )
  const own = alike.includes(first) ? [first, ...alike.filter((device) => device !== first)] : [first]
  const paths = own.flatMap((device) => path(fileOf(device)[0]) ?? [])
  return { key: 'disk', paths, bus, devices: own }
}

const isPlainDisk = (device: Device) =>
  device.kind === 'disk' &&
  device.readonly !== true &&
  device.format === undefined &&
  !/\.qcow2$/.test(device.file ?? '')

const fileOf = (device: object): readonly string[] =>
  'file' in device && typeof device.file === 'string' ? [device.file] : []

/** Files of arguments that stay arguments: `-drive file=fs.img`. */
const filesNamed = (qemuArgs: readonly string[], path: PathOf): readonly string[] =>
  readQemuArgs(qemuArgs).flatMap(({ keys }) => path(keys.get('file') ?? keys.get('filename')) ?? [])

/** A device with its path in the tree; one whose file is unknown is omitted. What a guest writes is discarded. */
function placed(device: Device, path: PathOf): readonly object[] {
  const [file] = fileOf(device)
  // What only a shell knows is not in a description.
  if (file === undefined) return /\$/.test(JSON.stringify(device)) ? [] : [device]
  const own = path(file)
  if (own === undefined) return []
  const { persist: _, bootindex: __, ...rest } = device as Device & { persist?: boolean; bootindex?: number }
  return [{ ...rest, file: own }]
}

/** Without what the profile `bare` has anyway, and without the CPU of a QEMU that was told none. */
function machineKeys(machine: MachineInput): Readonly<Record<string, unknown>> {
  const { cpu, display, debugcon, debugExit, accel: _, gdb: __, ...rest } = machine
  const { qemuArgs = [] } = rest
  const { model, ...counts } = typeof cpu === 'object' ? cpu : { model: undefined, count: cpu }
  const isOwn = model !== undefined && model !== 'qemu64' && model !== 'qemu32'
  const kept = { ...(isOwn ? { model } : {}), ...counts }
  const [only] = Object.keys(kept)
  const plain = Object.keys(kept).length === 1 && only === 'count' ? kept.count : kept
  return {
    ...rest,
    ...(plain === undefined || plain === 1 ? {} : { cpu: plain }),
    // The default gives way to a card among the arguments.
    ...(display === undefined || (display === 'std' && !namesCard(qemuArgs)) ? {} : { display }),
    ...(typeof debugcon === 'object' ? { debugcon } : {}),
    ...(typeof debugExit === 'object' ? { debugExit } : {}),
  }
}
