/** The rules of NVDIMMs. Pure: what there is to know of files is in the facts. */
import { normalize } from 'node:path'
import type { Diagnostic } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import { formatBytes, KiB, MiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { FileFact } from '../facts.ts'
import { fileProblems, optionProblems, sizeProblems } from './nvdimm-problems.ts'
import {
  backendBytes,
  daxOf,
  fittingSize,
  mappedBytes,
  type NvdimmConfig,
  nvdimmFile,
} from './nvdimm-schema.ts'
import { checkStore, storeProblems } from './nvdimm-store-rules.ts'
import { OWN_STORE_BUSY } from './store-path.ts'
import { whyUnfit } from './unfit-file.ts'

export const problems = { ...sizeProblems, ...optionProblems, ...fileProblems, ...storeProblems }

const PAGE = 4 * KiB
/** QEMU_VMALLOC_ALIGN on x86: so that the host may use huge pages. */
const ANONYMOUS = 2 * MiB

export function checkNvdimm(config: NvdimmConfig, context: RuleContext): readonly Diagnostic[] {
  const file = nvdimmFile(config, context.machine)
  const fact = file === undefined ? undefined : context.facts.files.get(file)
  return [
    ...checkSize(config, fact, context),
    ...checkAlign(config, context),
    ...checkNode(config, context),
    ...checkOptions(config, context),
    ...checkPmem(config, fact, context),
    ...(fact ? checkFile(config, fact, context) : []),
    ...(file === undefined ? [] : checkOnlyUser(config, file, context)),
  ]
}

function checkSize(
  config: NvdimmConfig,
  fact: FileFact | undefined,
  { path }: RuleContext,
): readonly Diagnostic[] {
  const { label } = config
  const labels =
    label !== undefined && label < 128 * KiB
      ? [problems.NVDIMM_LABEL_TOO_SMALL.at(`${path}.label`, `the label area is ${formatBytes(label)}`)]
      : []
  const oddLabel =
    label !== undefined && label % PAGE !== 0
      ? [problems.NVDIMM_SIZE_NOT_PAGES.at(`${path}.label`, `the label area is ${label} bytes`)]
      : []
  const at = `${path}.size`
  return [...checkUsable(config, at, fact), ...checkWhole(config, at), ...labels, ...oddLabel]
}

/** The guest gets whole multiples of the backend's alignment (hw/mem/nvdimm.c); QEMU's own RAM is aligned to 2 MiB. */
function checkWhole({ size, backing, align = 0 }: NvdimmConfig, at: string): readonly Diagnostic[] {
  const unit = backing === 'ram' ? ANONYMOUS : align
  const isSound = unit >= PAGE && Number.isInteger(Math.log2(unit)) && size > 0 && size % PAGE === 0
  if (!isSound || size % unit === 0) return []
  const of = `${formatBytes(size)}, but its memory is aligned to ${formatBytes(unit)}`
  if (size < unit) return [problems.NVDIMM_SIZE_BELOW_ALIGNMENT.at(at, `the size is ${of}`)]
  const rest = formatBytes(size - (size % unit))
  const remedy = `set size to "${rest}"; or omit \`align\`${backing === 'ram' ? ', or use `backing: "file"`' : ''}`
  return [problems.NVDIMM_SIZE_CUT.at(at, `the guest would get ${rest}: the size is ${of}`, { remedy })]
}

/** A store that is there has its size: a file has to grow before the description can; a device cannot. */
function grown(
  { size, label = 0 }: NvdimmConfig,
  unit: number,
  fact: FileFact | undefined,
): { remedy?: string } {
  if (fact?.daxDevice) {
    const area = Math.ceil(label / unit) * unit
    const rest = Math.floor((fact.daxDevice.bytes - area) / unit) * unit
    const labelled = label > 0 ? `set label to "${formatBytes(area)}" and ` : 'set '
    return { remedy: `${labelled}size to "${formatBytes(rest)}"` }
  }
  if (fact?.kind !== 'file' || fact.bytes === 0) return {}
  const larger = formatBytes(Math.ceil(size / unit) * unit)
  return { remedy: `\`bringup nvdimm resize ${fact.path} ${larger}\`, then set size to "${larger}"` }
}

function checkUsable(config: NvdimmConfig, at: string, fact: FileFact | undefined): readonly Diagnostic[] {
  const { size } = config
  if (size === 0) return [problems.NVDIMM_SIZE_ZERO.at(at, 'the size is 0')]
  if (size % PAGE !== 0)
    return [
      problems.NVDIMM_SIZE_NOT_PAGES.at(
        at,
        `the size is ${plural(size, 'byte')}, ${size % PAGE} more than whole pages`,
      ),
    ]
  if (size % (16 * MiB) !== 0)
    return [
      problems.NVDIMM_SIZE_UNALIGNED.at(
        at,
        `${formatBytes(size)} is not a multiple of 16M`,
        grown(config, 16 * MiB, fact),
      ),
    ]
  if (size % (128 * MiB) !== 0)
    return [
      problems.NVDIMM_SIZE_NOT_SECTIONS.at(
        at,
        `${formatBytes(size)} is not a multiple of 128M`,
        grown(config, 128 * MiB, fact),
      ),
    ]
  return []
}

/** QEMU looks at pages first, then at powers of two. Zero is its default. */
function checkAlign({ align = 0 }: NvdimmConfig, { path }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.align`
  if (align === 0) return []
  if (align % PAGE !== 0) return [problems.NVDIMM_ALIGN_NOT_PAGES.at(at, `the alignment is ${align}`)]
  const isPowerOfTwo = Number.isInteger(Math.log2(align))
  return isPowerOfTwo
    ? []
    : [problems.NVDIMM_ALIGN_NOT_POWER_OF_TWO.at(at, `the alignment is ${formatBytes(align)}`)]
}

function checkNode(
  { id = 'nvdimm0', node = 0 }: NvdimmConfig,
  { machine, path }: RuleContext,
): readonly Diagnostic[] {
  const count = machine.nodes.length
  if (node === 0 || node < count) return []
  if (count === 0)
    return [
      problems.NVDIMM_NODE_WITHOUT_NUMA.at(
        `${path}.node`,
        `nvdimm "${id}" is on node ${node}, but the machine has no NUMA nodes`,
        {
          remedy: `omit \`node\`, or give the machine ${node + 1} nodes: \`numa: ${node + 1}\` (--numa ${node + 1})`,
        },
      ),
    ]
  const what = `nvdimm "${id}" is on node ${node}, but the machine has ${plural(count, 'node')}`
  return [
    problems.NVDIMM_NODE_MISSING.at(`${path}.node`, what, {
      remedy: `set node to ${count - 1} or less, or add the node`,
    }),
  ]
}

function checkOptions(config: NvdimmConfig, { path }: RuleContext): readonly Diagnostic[] {
  if (config.backing === 'ram') return checkRam(config, path)
  const { readonly, unarmed, shared, share } = config
  return [
    ...(readonly && unarmed === false
      ? [problems.NVDIMM_READONLY_ARMED.at(`${path}.unarmed`, 'readonly is true, unarmed is false')]
      : []),
    ...(shared && !share
      ? [problems.NVDIMM_SHARED_PRIVATE.at(`${path}.share`, 'shared is true, share is false')]
      : []),
    ...(!shared && !share && !readonly
      ? [problems.NVDIMM_NOT_KEPT.at(`${path}.share`, 'share is false')]
      : []),
  ]
}

function checkRam(
  { file, shared, readonly, pmem, align }: NvdimmConfig,
  path: string,
): readonly Diagnostic[] {
  const given = {
    file,
    shared: shared || undefined,
    readonly: readonly || undefined,
    pmem: pmem === true || undefined,
    align,
  }
  const keys = Object.entries(given).flatMap(([key, value]) => (value === undefined ? [] : [key]))
  return keys.length === 0
    ? []
    : [
        problems.NVDIMM_OPTION_NEEDS_FILE.at(
          `${path}.${keys[0]}`,
          `backing is "ram", and ${keys.join(', ')} ${keys.length === 1 ? 'is' : 'are'} given`,
        ),
      ]
}

function checkPmem(
  { backing, pmem }: NvdimmConfig,
  fact: FileFact | undefined,
  { path, facts }: RuleContext,
): readonly Diagnostic[] {
  if (backing === 'ram' || pmem !== true) return []
  const { qemu } = facts
  return [
    ...(qemu && !qemu.hasLibpmem
      ? [problems.NVDIMM_PMEM_UNSUPPORTED.at(`${path}.pmem`, `${qemu.path} refuses pmem=on`)]
      : []),
    ...(fact && daxOf(fact) === 'never'
      ? [
          problems.NVDIMM_PMEM_NOT_DAX.at(
            `${path}.pmem`,
            `${fact.path} is on ${fact.fileSystem ?? 'a file system'} without dax`,
          ),
        ]
      : []),
  ]
}

function checkFile(config: NvdimmConfig, fact: FileFact, { path }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.file`
  const unfit = whyUnfit(fact)
  if (unfit !== undefined) return [problems.NVDIMM_FILE_UNFIT.at(at, `${fact.path} ${unfit}`)]
  if (fact.kind === 'missing') return checkNew(config, fact, at)
  if (fact.kind === 'directory')
    return [problems.NVDIMM_FILE_IS_DIRECTORY.at(at, `${fact.path} is a directory`)]
  const lacking = [
    ...(fact.isReadable ? [] : ['read']),
    ...(fact.isWritable || config.readonly ? [] : ['written']),
  ]
  return [
    ...(lacking.length > 0
      ? [problems.NVDIMM_FILE_NO_ACCESS.at(at, `${fact.path} cannot be ${lacking.join(' or ')}`)]
      : []),
    ...(fact.kind === 'file' ? checkFileSize(config, fact, path) : []),
    ...checkContent(config, fact, at),
    ...checkStore(config, fact, path),
    ...checkHolder(config, fact, at),
  ]
}

function checkNew(config: NvdimmConfig, fact: FileFact, at: string): readonly Diagnostic[] {
  const bytes = backendBytes(config)
  // bringup makes the folders of its own stores.
  if (config.file !== undefined && !fact.hasParent)
    return [problems.NVDIMM_FOLDER_MISSING.at(at, `${fact.path} lies in a folder that does not exist`)]
  return [
    ...(fact.isWritable
      ? []
      : [
          problems.NVDIMM_FILE_NO_ACCESS.at(at, `${fact.path} does not exist and cannot be made`, {
            remedy: 'make its folder writable, or name another file',
          }),
        ]),
    ...(fact.freeBytes < bytes
      ? [
          problems.NVDIMM_NO_ROOM.at(
            at,
            `${fact.path} may grow to ${formatBytes(bytes)}, and ${inMiB(fact.freeBytes)} are free`,
          ),
        ]
      : []),
    ...(config.readonly ? [problems.NVDIMM_READONLY_NEW.at(at, `${fact.path} does not exist`)] : []),
  ]
}

function checkFileSize(config: NvdimmConfig, fact: FileFact, path: string): readonly Diagnostic[] {
  const bytes = mappedBytes(config, fact)
  const label = config.label === undefined ? '' : ` (label area included)`
  const what = `${fact.path} has ${formatBytes(fact.bytes)}, the NVDIMM ${formatBytes(bytes)}${label}`
  // QEMU lets an empty file grow.
  if (fact.bytes === 0)
    return config.readonly
      ? [problems.NVDIMM_READONLY_EMPTY.at(`${path}.readonly`, `${fact.path} is empty`)]
      : []
  if (fact.bytes < bytes)
    return [problems.NVDIMM_FILE_SMALLER.at(`${path}.size`, what, labelRemedy(config, fact))]
  return fact.bytes > bytes
    ? [problems.NVDIMM_FILE_LARGER.at(`${path}.size`, what, { remedy: fitting(config, fact) })]
    : []
}

/** A label area that the store lacks is a wish of its own: growing the file would not give it one. */
function labelRemedy(config: NvdimmConfig, fact: FileFact): { remedy?: string } {
  const { bytes, path, tail } = fact
  const { size, label = 0 } = config
  const isLabelled = tail?.kind === 'labels' || (fact.record?.label ?? 0) > 0
  if (label === 0 || isLabelled || bytes !== size) return { remedy: `${fitting(config, fact)}; or ${GROW}` }
  const clone = `bringup nvdimm clone ${path} NEW --label ${formatBytes(label)}`
  return {
    remedy: `\`${clone}\` makes a copy with the label area behind the data; or omit \`label\`; where the labels are in the file, ${fitting(config, { bytes })}`,
  }
}

/** What takes all of the file, as an edit of the description. */
function fitting(config: NvdimmConfig, file: Pick<FileFact, 'bytes'>): string {
  return `set size to "${formatBytes(fittingSize(config, file))}"`
}

const GROW = '`bringup nvdimm resize` lets the file grow, and takes the label area along'

/** What no store begins with; a boot sector or nothing at all may well be one. */
const IMAGES: readonly FileFact['content'][] = [
  'linux-bzimage',
  'elf-pvh',
  'elf-multiboot',
  'elf64',
  'elf32',
  'pe',
  'qcow2',
  'gzip',
  'xz',
  'cpio',
]

function checkContent(config: NvdimmConfig, { content, path }: FileFact, at: string): readonly Diagnostic[] {
  const isAtRisk = config.share && !config.readonly
  return isAtRisk && IMAGES.includes(content)
    ? [problems.NVDIMM_FILE_IS_IMAGE.at(at, `${path} looks like ${content}`)]
    : []
}

function checkHolder(config: NvdimmConfig, { lockedBy, path }: FileFact, at: string): readonly Diagnostic[] {
  const isExclusive = !config.shared && !config.readonly && config.share
  if (!lockedBy || (lockedBy.mode === 'read' && !isExclusive)) return []
  const holder = lockedBy.pid > 0 ? `process ${lockedBy.pid} (${lockedBy.command})` : 'another process'
  const remedy = config.file === undefined ? { remedy: OWN_STORE_BUSY } : {}
  return [problems.NVDIMM_FILE_BUSY.at(at, `${path} is held by ${holder}`, remedy)]
}

/** Earlier NVDIMMs and all other devices that name the same file. Two readers do not disturb each other. */
function checkOnlyUser(
  config: NvdimmConfig,
  file: string,
  { machine, path }: RuleContext,
): readonly Diagnostic[] {
  const mine = machine.devices.findIndex((d) => d.path === path)
  const others = machine.devices.filter((d, index) => index < mine || (d.kind !== 'nvdimm' && index > mine))
  const twin = others.find(({ config: other }) => {
    const { file: theirs, readonly } = other as { readonly file?: string; readonly readonly?: boolean }
    return theirs !== undefined && normalize(theirs) === normalize(file) && !(readonly && config.readonly)
  })
  return twin
    ? [
        problems.NVDIMM_FILE_TWICE.at(
          `${path}.file`,
          `${file} is also the file of ${twin.path} (${twin.kind} "${twin.id}")`,
        ),
      ]
    : []
}

function inMiB(bytes: number): string {
  return `${Math.floor(bytes / MiB)}M`
}
