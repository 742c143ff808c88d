/** What is wrong with a disk before it is attached: its file, its format, its bus, and who else has it. */
import { normalize } from 'node:path'
import type { Diagnostic } from '../../diagnostics.ts'
import { formatBytes, MiB } from '../../units.ts'
import type { MachineView, RuleContext } from '../device.ts'
import type { FileFact, ImageFile } from '../facts.ts'
import { problems } from './disk-problems.ts'
import { type DiskConfig, diskFile, formatOf, SERIAL_LENGTH, writesImage } from './disk-schema.ts'
import { processText } from './process-text.ts'
import { whyUnfit } from './unfit-file.ts'

/** The disks of a machine in the order of the description. */
export function disksOf(
  machine: MachineView,
): readonly { readonly path: string; readonly id: string; readonly config: DiskConfig }[] {
  return machine.devices.flatMap((d) => (d.kind === 'disk' ? [{ ...d, config: d.config as DiskConfig }] : []))
}

/** Which of the IDE disks it is, from 0. */
export function ideNumber(machine: MachineView, path: string): number {
  return disksOf(machine)
    .filter((d) => d.config.bus === 'ide')
    .findIndex((d) => d.path === path)
}

export function checkDisk(config: DiskConfig, context: RuleContext): readonly Diagnostic[] {
  const { machine, facts, path } = context
  const fact = facts.files.get(diskFile(config, machine))
  const { readonly, persist, serial = config.id ?? '' } = config
  return [
    ...(readonly && persist
      ? [problems.DISK_READONLY_PERSIST.at(`${path}.persist`, 'readonly and persist are both true')]
      : []),
    ...(serial.length > SERIAL_LENGTH
      ? [
          problems.DISK_SERIAL_TOO_LONG.at(
            `${path}.serial`,
            `the guest will see "${serial.slice(0, SERIAL_LENGTH)}"`,
          ),
        ]
      : []),
    ...checkIde(config, context),
    ...checkOthers(config, context),
    ...checkBase(config, context),
    ...(fact ? checkFile(config, fact, context) : []),
  ]
}

function checkBase(config: DiskConfig, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const { base } = config
  const fact = base === undefined ? undefined : facts.files.get(base)
  if (!fact || diskFile(config, machine) === base) return []
  const at = `${path}.base`
  const isRaw = formatOf(config) === 'raw' && fact.content !== 'qcow2'
  return [
    ...(fact.kind === 'file' && fact.isReadable && fact.bytes > 0
      ? []
      : [
          problems.DISK_BASE_UNFIT.at(
            at,
            `${fact.path} is ${fact.kind === 'file' ? 'empty or not readable' : fact.kind}`,
          ),
        ]),
    ...(isRaw ? [] : [problems.DISK_BASE_UNFIT.at(at, `${fact.path} or its copy is a qcow2 image`)]),
  ]
}

function checkIde({ bus, readonly }: DiskConfig, { machine, path }: RuleContext): readonly Diagnostic[] {
  if (bus !== 'ide') return []
  const ports = machine.type === 'pc' ? 4 : 6
  const n = ideNumber(machine, path)
  return [
    ...(readonly
      ? [problems.DISK_IDE_READONLY.at(`${path}.readonly`, 'bus is "ide", readonly is true')]
      : []),
    ...(n >= ports
      ? [
          problems.DISK_IDE_FULL.at(
            `${path}.bus`,
            `this is IDE disk ${n + 1}, a ${machine.type} has ${ports} ports`,
          ),
        ]
      : []),
  ]
}

function checkOthers(config: DiskConfig, { machine, path }: RuleContext): readonly Diagnostic[] {
  const all = disksOf(machine)
  const before = all.slice(
    0,
    all.findIndex((d) => d.path === path),
  )
  const file = normalize(diskFile(config, machine))
  const twin = before.find(
    (d) =>
      normalize(diskFile({ ...d.config, id: d.id }, machine)) === file &&
      (writesImage(config) || writesImage(d.config)),
  )
  const rival = before.find((d) => config.bootindex !== undefined && d.config.bootindex === config.bootindex)
  return [
    ...(twin
      ? [problems.DISK_FILE_TWICE.at(`${path}.file`, `${file} is also the image of ${twin.path}`)]
      : []),
    ...(rival
      ? [
          problems.DISK_BOOTINDEX_TWICE.at(
            `${path}.bootindex`,
            `${rival.path} has boot index ${config.bootindex} too`,
          ),
        ]
      : []),
  ]
}

function checkFile(config: DiskConfig, fact: FileFact, { path, facts }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.file`
  const unfit = whyUnfit(fact)
  if (unfit !== undefined) return [problems.DISK_FILE_UNFIT.at(at, `${fact.path} ${unfit}`)]
  if (fact.kind === 'missing') return checkNew(config, fact, path, facts.files.get(config.base ?? ''))
  if (fact.kind !== 'file' && fact.kind !== 'block-device')
    return [
      problems.DISK_FILE_UNFIT.at(
        at,
        `${fact.path} is a ${fact.kind === 'other' ? 'pipe or a socket' : fact.kind.replace('-', ' ')}`,
      ),
    ]
  const lacking = [
    ...(fact.isReadable ? [] : ['read']),
    ...(fact.isWritable || !writesImage(config) ? [] : ['written']),
  ]
  return [
    ...(lacking.length > 0
      ? [problems.DISK_NO_ACCESS.at(at, `${fact.path} cannot be ${lacking.join(' or ')}`)]
      : []),
    ...checkUse(config, fact, at),
    ...(fact.kind === 'file' ? checkContent(config, fact, path) : []),
  ]
}

/** Readers share an image; a writer keeps all others out. What an image is laid over is only read. */
function checkUse(config: DiskConfig, fact: FileFact, at: string): readonly Diagnostic[] {
  const { imageUse: use } = fact
  const isBusy = use !== undefined && (use.forbidsReaders || writesImage(config))
  const beneath = formatOf(config) === 'qcow2' ? (fact.imageFiles ?? []) : []
  return [
    ...(isBusy
      ? [
          problems.DISK_BUSY.at(at, `${fact.path} is held by ${processText(use)}`, {
            remedy: use.forbidsReaders
              ? 'wait for the other run or end it, or use a copy of the image'
              : 'wait for the other run or end it; or omit `persist`: readers share an image',
          }),
        ]
      : []),
    ...beneath.flatMap(({ role, file, use: other }) =>
      other?.forbidsReaders
        ? [
            problems.DISK_BUSY.at(
              at,
              `${file}, the ${ROLES[role]} of ${fact.path}, is held by ${processText(other)}`,
            ),
          ]
        : [],
    ),
  ]
}

function checkNew(
  config: DiskConfig,
  fact: FileFact,
  path: string,
  base: FileFact | undefined,
): readonly Diagnostic[] {
  const { file } = config
  const size = base?.bytes ?? config.size
  const at = `${path}.file`
  if (formatOf(config) === 'qcow2' && size !== undefined)
    return [problems.DISK_QCOW2_NOT_MADE.at(`${path}.format`, `${fact.path} does not exist`)]
  if (size === undefined) return [problems.DISK_FILE_MISSING.at(at, `${fact.path} does not exist`)]
  // bringup makes the folders of its own stores.
  if (file !== undefined && !fact.hasParent)
    return [problems.DISK_FOLDER_MISSING.at(at, `${fact.path} lies in a folder that does not exist`)]
  return [
    ...(size === 0 ? [problems.DISK_EMPTY.at(`${path}.size`, 'the size is 0')] : []),
    ...(fact.isWritable
      ? []
      : [
          problems.DISK_NO_ACCESS.at(at, `${fact.path} does not exist and cannot be made`, {
            remedy: 'make its folder writable, or name another file',
          }),
        ]),
    ...(fact.freeBytes < size
      ? [
          problems.DISK_NO_ROOM.at(
            at,
            `${fact.path} may grow to ${formatBytes(size)}, and ${Math.floor(fact.freeBytes / MiB)}M are free`,
          ),
        ]
      : []),
    ...(writesImage(config) || base
      ? []
      : [problems.DISK_BLANK_DISCARDED.at(at, `${fact.path} does not exist yet`)]),
  ]
}

const ROLES = { backing: 'backing file', dataFile: 'data file' } as const

function chainText(image: string, { role, of, name, file }: ImageFile): string {
  const whose = of === image ? image : `${image}, by way of ${of},`
  return file === undefined
    ? `${whose} has as its ${ROLES[role]} ${name}, which is not a plain file`
    : `${whose} has as its ${ROLES[role]} ${file}`
}

function checkContent(config: DiskConfig, fact: FileFact, path: string): readonly Diagnostic[] {
  const format = formatOf(config)
  const { size } = config
  const isEmpty = fact.bytes === 0
  const others = format === 'qcow2' ? (fact.imageFiles ?? []).filter((f) => f.isOutside) : []
  const isQcow2 = fact.content === 'qcow2'
  return [
    ...(isEmpty && format === 'raw' ? [problems.DISK_EMPTY.at(`${path}.file`, `${fact.path} is empty`)] : []),
    ...(format === 'qcow2' && !isQcow2 && fact.content !== undefined
      ? [
          problems.DISK_UNREADABLE_IMAGE.at(
            `${path}.file`,
            `an unreadable image: ${fact.path} looks like ${fact.content}`,
          ),
        ]
      : []),
    ...others.map((other) =>
      problems.DISK_IMAGE_READS_OTHER.at(`${path}.file`, chainText(fact.path, other), {
        evidence: (fact.imageFiles ?? []).map((f) => `${f.of}: ${ROLES[f.role]} ${f.name}`),
      }),
    ),
    ...(format === 'qcow2' && fact.isEncrypted === true
      ? [
          problems.DISK_IMAGE_ENCRYPTED.at(
            `${path}.file`,
            `${fact.path}, or an image beneath it, is encrypted`,
          ),
        ]
      : []),
    ...(format === 'raw' && isQcow2
      ? [problems.DISK_RAW_IS_QCOW2.at(`${path}.format`, `${fact.path} is a qcow2 image`)]
      : []),
    ...(format === 'raw' && size !== undefined && size !== fact.bytes && !isEmpty
      ? [
          problems.DISK_SIZE_IGNORED.at(
            `${path}.size`,
            `${fact.path} has ${formatBytes(fact.bytes)}, the description says ${formatBytes(size)}`,
          ),
        ]
      : []),
  ]
}
