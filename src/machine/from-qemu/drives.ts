/** Backends of disks: `-drive` and `-blockdev`. */
import type { QemuOption } from '../qemu-args.ts'
import { isOn, pairsOf } from './fields.ts'
import { byId, type Command, type Remark } from './finding.ts'

export interface DriveFile {
  readonly file: string
  readonly format: 'raw' | 'qcow2' | undefined
  readonly isReadonly: boolean
  readonly isDiscarded: boolean
  readonly isCdrom: boolean
  readonly uses: readonly QemuOption[]
  readonly remarks: readonly Remark[]
}

const KNOWN = [
  '',
  'if',
  'id',
  'index',
  'bus',
  'unit',
  'file',
  'format',
  'media',
  'readonly',
  'read-only',
  'snapshot',
  'file.driver',
  'file.filename',
  'driver',
  'node-name',
  'filename',
  'serial',
]

/** How QEMU reads and writes the image on this computer; the guest does not see it. */
const HOST_SIDE =
  /^(cache(\..*)?|aio|discard|detect-zeroes|werror|rerror|copy-on-read|auto-read-only|file\.(aio|cache\..*|locking|discard|auto-read-only)|l2-cache-size|throttling\..*)$/

const isPlainFile = (driver: string | undefined) =>
  driver === undefined || driver === 'file' || driver === 'host_device'

/** The file of a drive; undefined for other contents, and for options that a description cannot express. */
export function fileOfDrive(command: Command, option: QemuOption): DriveFile | undefined {
  return option.name === 'blockdev' ? ofNode(command, option) : ofDrive(option)
}

function ofDrive(option: QemuOption): DriveFile | undefined {
  const { keys } = option
  const pairs = pairsOf(option)
  const isKnown = pairs.every(([key]) => KNOWN.includes(key) || HOST_SIDE.test(key))
  const file = keys.get('file') ?? keys.get('file.filename') ?? keys.get('')
  const format = keys.get('format') ?? keys.get('driver')
  if (!isKnown || file === undefined || !isPlainFile(keys.get('file.driver')) || isProtocol(file, keys))
    return undefined
  if (format !== undefined && format !== 'raw' && format !== 'qcow2') return undefined
  return {
    file,
    format,
    isReadonly: isOn(keys.get('readonly')) || isOn(keys.get('read-only')),
    isDiscarded: isOn(keys.get('snapshot')),
    isCdrom: keys.get('media') === 'cdrom',
    uses: [option],
    remarks: hostSide(option),
  }
}

/** `nbd:…`, `fat:rw:…`; a file whose name has a colon behind a slash is a file. */
const isProtocol = (file: string, keys: QemuOption['keys']) =>
  !keys.has('file.filename') && /^[a-z][a-z0-9+.-]*:/.test(file)

const hostSide = (option: QemuOption): readonly Remark[] =>
  pairsOf(option).flatMap(([key, value]) =>
    HOST_SIDE.test(key)
      ? [
          {
            words: `${key}=${value} of -${option.name}`,
            because: 'how QEMU reads and writes an image is bringup’s choice; the guest does not see it',
            state: 'needless' as const,
          },
        ]
      : [],
  )

/** A format node on a file node, as libvirt writes them. */
function ofNode(command: Command, option: QemuOption): DriveFile | undefined {
  const { keys } = option
  const driver = keys.get('driver') ?? keys.get('')
  if (driver === 'raw' || driver === 'qcow2') {
    const below = byId(command, ['blockdev'], keys.get('file'))
    const inner = below ? ofNode(command, below) : undefined
    const file = inner?.file ?? keys.get('file.filename')
    if (file === undefined) return undefined
    const isReadonly = isOn(keys.get('read-only')) || inner?.isReadonly === true
    return { ...plainNode(option, file, isReadonly), format: driver, uses: [option, ...(inner?.uses ?? [])] }
  }
  const file = isPlainFile(driver) ? keys.get('filename') : undefined
  return file === undefined ? undefined : plainNode(option, file, isOn(keys.get('read-only')))
}

const plainNode = (option: QemuOption, file: string, isReadonly: boolean): DriveFile => ({
  file,
  format: undefined,
  isReadonly,
  isDiscarded: false,
  isCdrom: false,
  uses: [option],
  remarks: hostSide(option),
})
