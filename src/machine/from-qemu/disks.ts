/** Disks, CD-ROMs and floppies of a command: short options, drives, and devices with a drive. */
import type { QemuOption } from '../qemu-args.ts'
import { type DriveFile, fileOfDrive } from './drives.ts'
import { compact, fieldsOf, numberOf } from './fields.ts'
import { byId, type Command, type Finding, named, type Reader, type Remark } from './finding.ts'

const HARD_DISKS = ['hda', 'hdb', 'hdc', 'hdd']

export const readDisks: Reader = (command) => [
  ...readShort(command),
  ...readDevices(command),
  ...named(command, 'snapshot').map((o) => ({ uses: [o] })),
]

const isSnapshot = (command: Command) => named(command, 'snapshot').length > 0

interface Placed {
  readonly option: QemuOption
  readonly place: number
  readonly drive: DriveFile
  readonly kind: 'ide' | 'virtio' | 'scsi' | 'floppy'
}

/** Drives that QEMU puts into the machine itself, in the order of their places. */
function readShort(command: Command): readonly Finding[] {
  const placed = placesOf(command)
  const order = placed.map(({ option }) => option.index).toSorted((a, b) => a - b)
  return placed
    .toSorted((a, b) => a.place - b.place)
    .map(({ option, drive, kind }, n) => ({
      uses: drive.uses,
      device: mediumKeys(command, drive, kind),
      at: order[n] ?? option.index,
      remarks: [...drive.remarks, ...formatRemark(option, drive)],
    }))
}

function placesOf(command: Command): readonly Placed[] {
  const taken = new Map<string, Set<number>>()
  const place = (kind: string, wanted: number | undefined) => {
    const used = taken.get(kind) ?? new Set()
    let at = wanted ?? 0
    if (wanted === undefined) while (used.has(at)) at++
    used.add(at)
    taken.set(kind, used)
    return at
  }
  const found: Placed[] = []
  for (const option of named(command, ...HARD_DISKS, 'cdrom', 'fda', 'fdb', 'drive')) {
    const drive = fileOfDrive(command, asDrive(option))
    const kind = kindOf(option)
    if (!drive || kind === undefined) continue
    const wanted = numberOf(option.keys.get('index')) ?? unitOf(option) ?? SHORT_PLACES[option.name]
    const isCdrom = option.name === 'cdrom' || drive.isCdrom
    found.push({
      option,
      place: place(kind, wanted),
      drive: { ...drive, uses: [option], isCdrom },
      kind,
    })
  }
  return found
}

/** `-hda FILE` takes the whole value for the name of the file. */
const asDrive = (option: QemuOption): QemuOption =>
  option.name === 'drive'
    ? option
    : {
        ...option,
        name: 'drive',
        keys: new Map([['file', option.value ?? '']]),
        value: `file=${(option.value ?? '').replaceAll(',', ',,')}`,
      }

/** QEMU puts `-cdrom` on the secondary channel (vl.c: drive index 2). */
const SHORT_PLACES: Readonly<Record<string, number>> = {
  hda: 0,
  hdb: 1,
  hdc: 2,
  hdd: 3,
  cdrom: 2,
  fda: 0,
  fdb: 1,
}

function unitOf({ keys }: QemuOption): number | undefined {
  const unit = numberOf(keys.get('unit'))
  return unit === undefined ? undefined : 2 * (numberOf(keys.get('bus')) ?? 0) + unit
}

function kindOf({ name, keys }: QemuOption): Placed['kind'] | undefined {
  if (name === 'fda' || name === 'fdb') return 'floppy'
  if (name !== 'drive') return 'ide'
  const kind = keys.get('if') ?? 'ide'
  return kind === 'ide' || kind === 'virtio' || kind === 'scsi' || kind === 'floppy' ? kind : undefined
}

function mediumKeys(
  command: Command,
  drive: DriveFile,
  bus: Placed['kind'],
): Readonly<Record<string, unknown>> {
  const { file, isReadonly, isDiscarded, isCdrom } = drive
  const persist = !isReadonly && !isDiscarded && !isSnapshot(command)
  if (bus === 'floppy') {
    const unit = numberOf(drive.uses[0]?.keys.get('index')) ?? (drive.uses[0]?.name === 'fdb' ? 1 : 0)
    return compact({
      kind: 'floppy',
      file,
      persist: persist || undefined,
      bootindex: floppyIndex(command, unit),
    })
  }
  if (isCdrom) return { kind: 'cdrom', file, ...(bus === 'scsi' ? { bus } : {}) }
  return compact({
    kind: 'disk',
    file,
    format: formatKey(drive),
    bus: bus === 'virtio' ? undefined : bus,
    persist: persist || undefined,
    readonly: isReadonly || undefined,
  })
}

/** The property of the controller by which firmware boots a floppy. */
function floppyIndex(command: Command, unit: number): number | undefined {
  const key = `isa-fdc.bootindex${unit === 1 ? 'B' : 'A'}`
  const global = named(command, 'global').find(({ keys }) => keys.has(key))
  return numberOf(global?.keys.get(key))
}

/** Written only where the name of the file says another one. */
function formatKey({ format, file }: DriveFile): 'raw' | 'qcow2' | undefined {
  const byName = /\.qcow2$/i.test(file) ? 'qcow2' : 'raw'
  return format === undefined || format === byName ? undefined : format
}

function formatRemark(option: QemuOption, { format, file, isCdrom }: DriveFile): readonly Remark[] {
  const isKnown =
    format !== undefined ||
    isCdrom ||
    option.name.startsWith('fd') ||
    /\.(img|bin|raw|iso|qcow2|hdd|dsk)$/i.test(file)
  return isKnown
    ? []
    : [
        {
          words: `format of ${file}`,
          because: 'QEMU finds it out from the content; the description takes the image for a raw one',
          state: 'guess',
        },
      ]
}

const DRIVERS: Readonly<Record<string, string>> = {
  'virtio-blk-pci': 'virtio',
  'virtio-blk': 'virtio',
  nvme: 'nvme',
  'ide-hd': 'ide',
  'ide-cd': 'ide',
  'scsi-hd': 'scsi',
  'scsi-cd': 'scsi',
  'usb-storage': 'usb',
}
const CONTROLLERS: Readonly<Record<string, readonly string[]>> = {
  scsi: ['virtio-scsi-pci', 'virtio-scsi'],
  usb: ['qemu-xhci'],
}
const KEYS = [
  'id',
  'drive',
  'bootindex',
  'serial',
  'unit',
  'write-cache',
  'removable',
  'lun',
  'scsi-id',
  'channel',
  'device_id',
  'num-queues',
]

function readDevices(command: Command): readonly Finding[] {
  return named(command, 'device').flatMap((option) => {
    const bus = DRIVERS[option.head ?? '']
    const fields = bus === undefined ? undefined : fieldsOf(option, KEYS)
    const backend = byId(command, ['drive', 'blockdev'], fields?.values.drive)
    const drive = backend && fileOfDrive(command, backend)
    if (bus === undefined || !fields || !drive) return []
    const controller = controllerOf(command, option, bus)
    if (controller === undefined) return []
    const isCdrom = option.head?.endsWith('-cd') === true || drive.isCdrom
    const { id, serial, bootindex } = fields.values
    const common = { id, bootindex: numberOf(bootindex) }
    const persist = !drive.isReadonly && !drive.isDiscarded && !isSnapshot(command)
    const keys = isCdrom
      ? { kind: 'cdrom', ...common, file: drive.file, bus: bus === 'ide' ? undefined : bus }
      : {
          kind: 'disk',
          ...common,
          file: drive.file,
          format: formatKey(drive),
          bus: bus === 'virtio' ? undefined : bus,
          serial: serial === id ? undefined : serial,
          persist: persist || undefined,
          readonly: drive.isReadonly || undefined,
        }
    const isPlaced = fields.remarks.some(
      ({ words }) => !/^bus=[^,]*\b(scsi|usb|xhci|ide)[^,]*(,port=\d+)? of/.test(words),
    )
    return [
      {
        uses: [option, ...drive.uses, ...controller],
        device: compact(keys),
        remarks: [...drive.remarks, ...(isPlaced ? fields.remarks : [])],
      },
    ]
  })
}

/** The controller of a device; undefined for kinds that bringup does not make. */
function controllerOf(command: Command, option: QemuOption, bus: string): readonly QemuOption[] | undefined {
  const drivers = CONTROLLERS[bus]
  if (drivers === undefined) return []
  const id = option.keys.get('bus')?.replace(/\.\d+$/, '')
  const controllers = named(command, 'device').filter((o) => drivers.includes(o.head ?? ''))
  const own = id === undefined ? controllers[0] : controllers.find((o) => o.keys.get('id') === id)
  return own ? [own] : undefined
}

/** Properties of the floppy controller are in the description of the floppy. */
export const readGlobals: Reader = (command) =>
  named(command, 'global').flatMap((option) =>
    [...option.keys.keys()].some((key) => /^isa-fdc\.bootindex[AB]$/.test(key)) ? [{ uses: [option] }] : [],
  )
