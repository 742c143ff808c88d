/** Kernel, firmware and EFI system partition of a command. */
import type { QemuOption } from '../qemu-args.ts'
import { fileOfDrive } from './drives.ts'
import { compact, isOn, numberOf } from './fields.ts'
import { byId, type Command, type Finding, lost, named, type Reader, textOf } from './finding.ts'

/** OVMF as a file of a distribution or of a download; bringup finds this computer's. */
const OVMF = /(?:ovmf|edk2|uefi)[^/]*(?:\.fd|\.bin|\.4m)?$/i
const SEABIOS = /(?:^|\/)bios(?:-256k)?\.bin$/

export const readBoot: Reader = (command) => {
  const kernel = named(command, 'kernel').at(-1)
  const [initrd, append, bios] = ['initrd', 'append', 'bios'].map((name) => named(command, name).at(-1))
  const flash = readFlash(command)
  const rom = bios?.value
  const isUefi = flash !== undefined || (rom !== undefined && OVMF.test(rom))
  const esp = isUefi ? readEsp(command) : undefined
  const isKnownRom = rom === undefined || isUefi || rom === 'qboot.rom' || SEABIOS.test(rom)
  const boot = compact({
    kernel: kernel?.value,
    initrd: initrd?.value,
    append: append?.value,
    ...(isUefi ? { firmware: 'uefi', ...flash?.keys } : {}),
    esp: esp?.folder,
    rom: rom === 'qboot.rom' ? 'qboot' : kernel && !isUefi && (command.isBare || rom) ? 'seabios' : undefined,
  })
  const uses = [
    ...named(command, 'kernel', 'initrd', 'append', 'bios'),
    ...(flash?.uses ?? []),
    ...(esp?.uses ?? []),
  ]
  return [
    {
      uses,
      ...(Object.keys(boot).length > 0 ? { machine: { boot } } : {}),
      remarks: [
        ...(isKnownRom
          ? []
          : [lost(textOf(bios as QemuOption), 'bringup boots by SeaBIOS, qboot or OVMF only')]),
        ...(flash?.remarks ?? []),
      ],
    },
  ]
}

interface ReadFlash {
  readonly uses: readonly QemuOption[]
  readonly keys: { readonly code?: string; readonly variables?: string }
  readonly remarks: NonNullable<Finding['remarks']>
}

/** The two flash devices of OVMF: code, and variables. */
function readFlash(command: Command): ReadFlash | undefined {
  const drives = named(command, 'drive').filter((o) => o.keys.get('if') === 'pflash')
  const words = named(command, 'pflash')
  const all = [...words, ...drives]
  if (all.length === 0) return undefined
  const units = all.map((option, place) => ({
    unit: numberOf(option.keys.get('unit')) ?? numberOf(option.keys.get('index')) ?? place,
    path: option.name === 'pflash' ? option.value : fileOfDrive(command, option)?.file,
    isDropped: isOn(option.keys.get('snapshot')) || isOn(option.keys.get('readonly')),
  }))
  const code = units.find(({ unit }) => unit === 0)
  const variables = units.find(({ unit }) => unit === 1)
  // One image with both parts is no code for two flash devices.
  const isWhole = variables === undefined && !/code/i.test(code?.path ?? '')
  return {
    uses: all,
    keys: compact({
      code: isWhole ? undefined : code?.path,
      variables: variables?.isDropped ? undefined : variables?.path,
    }),
    remarks: isWhole
      ? [
          {
            words: `firmware ${code?.path ?? ''}`,
            because: 'OVMF of this computer is used, whose code and variables are apart',
            state: 'guess',
          },
        ]
      : [],
  }
}

/** A folder as a FAT disk: `fat:rw:esp`, or a node of the driver vvfat. */
function readEsp(
  command: Command,
): { readonly folder: string; readonly uses: readonly QemuOption[] } | undefined {
  const drive = named(command, 'drive', 'hda', 'hdb', 'hdc', 'hdd').find(
    (o) => fatFolder(o.keys.get('file') ?? o.value) !== undefined,
  )
  if (drive) {
    const device = named(command, 'device').find(
      (o) => o.keys.get('drive') !== undefined && o.keys.get('drive') === drive.keys.get('id'),
    )
    const folder = fatFolder(drive.keys.get('file') ?? drive.value) ?? ''
    return { folder, uses: [drive, ...(device ? [device] : [])] }
  }
  const device = named(command, 'device').find(
    (o) => byId(command, ['blockdev'], o.keys.get('drive'))?.keys.get('driver') === 'vvfat',
  )
  const node = byId(command, ['blockdev'], device?.keys.get('drive'))
  const folder = node?.keys.get('dir')
  return device && node && folder !== undefined ? { folder, uses: [device, node] } : undefined
}

const fatFolder = (file: string | undefined) =>
  /^fat:(?:(?:rw|ro|floppy|16|32|12):)*(.+)$/.exec(file ?? '')?.[1]
