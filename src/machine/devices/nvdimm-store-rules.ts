/** Rules that compare an NVDIMM with the store that is there: its label area, its record, its alignment as a DAX device. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes } from '../../units.ts'
import type { FileFact, StoreUse } from '../facts.ts'
import { backendBytes, fittingSize, mappedBytes, type NvdimmConfig } from './nvdimm-schema.ts'

const NVDIMM_TXT = 'QEMU docs/nvdimm.txt'
const OTHER_LABEL =
  '`bringup nvdimm clone OLD NEW --label SIZE` and name the copy; `bringup nvdimm create … --discard` creates an empty store'

export const storeProblems = defineDiagnostics({
  NVDIMM_LABEL_HIDES_DATA: {
    title: 'A label area would cover data of the store.',
    why: 'QEMU takes the label area from the end of the backing file: the data there disappears from the guest, and the first labels overwrite it',
    remedy: OTHER_LABEL,
    source: `${NVDIMM_TXT}: "the last $LSZ bytes … are used as the label"`,
    qemu: 'misbehaves',
  },
  NVDIMM_LABEL_EXPOSED: {
    title: 'The store has a label area, the description has none.',
    why: 'the guest sees the labels as data at the end of its memory, finds no namespaces, and may write over the labels',
    remedy: OTHER_LABEL,
    source: NVDIMM_TXT,
    qemu: 'misbehaves',
  },
  NVDIMM_LABEL_MOVED: {
    title: 'The label area of the store has another size than described.',
    why: 'QEMU locates it from the end of the file, so the guest finds neither its labels nor the end of its data',
    remedy: OTHER_LABEL,
    source: NVDIMM_TXT,
    qemu: 'misbehaves',
  },
  NVDIMM_RESIZE_UNFINISHED: {
    title: 'A resize of the store is unfinished.',
    why: 'a `bringup nvdimm resize` of an older version was killed; the label area is kept in the record until it is in its new place',
    remedy: 'run the same `bringup nvdimm resize` again: it continues where it stopped',
    qemu: 'misbehaves',
  },
  NVDIMM_STORE_UNCLEAN: {
    severity: 'note',
    title: 'The last run on a store did not end in good order.',
    why: 'QEMU was killed, or bringup, or the computer failed, or another computer still uses the store: the guest did not leave its data in order',
    remedy: 'expect a recovery, or a check of the file system; the note goes with the next orderly run',
    qemu: 'accepts',
  },
  NVDIMM_DAX_SIZE: {
    title: 'The size of an NVDIMM does not fit its DAX device.',
    why: 'a DAX device is mapped in whole multiples of its alignment, and does not grow',
    remedy: 'use the size of the device (less the label area), or make a larger namespace with ndctl',
    source: 'linux/drivers/dax/device.c: "unaligned vma"; QEMU: "backing store size … does not match"',
    qemu: 'refuses',
  },
  NVDIMM_DAX_ALIGN: {
    title: 'The alignment of an NVDIMM is smaller than that of its DAX device.',
    why: 'the kernel maps the device only at multiples of its own alignment',
    remedy: 'omit `align`: bringup takes that of the device',
    source: 'QEMU: "backing store align … is larger than \'align\' option"',
    qemu: 'refuses',
  },
})

export function checkStore(config: NvdimmConfig, fact: FileFact, path: string): readonly Diagnostic[] {
  if (fact.kind === 'character-device') return checkDax(config, fact, path)
  if (fact.kind !== 'file' || fact.bytes === 0) return []
  const record = fact.record?.isOfThisFile ? fact.record : undefined
  const half = record?.resizingTo
  if (half) {
    const what = `${fact.path} was on its way to ${formatBytes(half.size)}`
    return [storeProblems.NVDIMM_RESIZE_UNFINISHED.at(`${path}.file`, what)]
  }
  const unclean = record?.uses.find(({ end }) => ['killed', 'unknown', 'elsewhere'].includes(end))
  return [
    ...(fact.bytes === mappedBytes(config, fact) ? checkLabel(config, fact, `${path}.label`) : []),
    ...(unclean ? [storeProblems.NVDIMM_STORE_UNCLEAN.at(`${path}.file`, says(fact, unclean))] : []),
  ]
}

/** Labels that are found in the file count more than what is written down. */
function checkLabel(config: NvdimmConfig, fact: FileFact, at: string): readonly Diagnostic[] {
  const { label: want = 0 } = config
  const { tail, path } = fact
  const record = fact.record?.isOfThisFile ? fact.record : undefined
  const written = record && record.size + record.label === fact.bytes ? record.label : undefined
  const have = tail?.kind === 'labels' ? written || tail.bytes : written
  if (have !== undefined && have > 0) {
    if (have === want) return []
    const problem = want === 0 ? storeProblems.NVDIMM_LABEL_EXPOSED : storeProblems.NVDIMM_LABEL_MOVED
    const described = want === 0 ? 'no label' : `label ${formatBytes(want)}`
    return [
      problem.at(
        at,
        `${path} has a label area of ${formatBytes(have)}, and the description says ${described}`,
        {
          remedy: `set label to "${formatBytes(have)}" and size to "${formatBytes(fittingSize({ ...config, label: have }, fact))}"; or ${OTHER_LABEL}`,
        },
      ),
    ]
  }
  const wasUsed = record !== undefined && record.uses.length > 0 && have === 0
  if (want === 0 || !(wasUsed || tail?.kind === 'data')) return []
  const why =
    tail?.kind === 'data' ? 'has data there' : `was used without one by ${record?.uses.at(-1)?.machine}`
  return [
    storeProblems.NVDIMM_LABEL_HIDES_DATA.at(
      at,
      `a label area of ${formatBytes(want)} is described for ${path}, which ${why}`,
      {
        remedy: `omit \`label\` and set size to "${formatBytes(fittingSize({ ...config, label: 0 }, fact))}"; or ${OTHER_LABEL}`,
      },
    ),
  ]
}

function checkDax(config: NvdimmConfig, { daxDevice, path }: FileFact, at: string): readonly Diagnostic[] {
  if (!daxDevice) return []
  const bytes = backendBytes(config)
  const of = `${path} has ${formatBytes(daxDevice.bytes)} in multiples of ${formatBytes(daxDevice.align)}`
  return [
    ...(bytes > daxDevice.bytes || bytes % daxDevice.align !== 0
      ? [
          storeProblems.NVDIMM_DAX_SIZE.at(`${at}.size`, `${of}, the NVDIMM ${formatBytes(bytes)}`, {
            remedy: `set size to "${formatBytes(fittingSize({ label: config.label }, { bytes: daxDevice.bytes - (daxDevice.bytes % daxDevice.align) }))}", or make a larger namespace with ndctl`,
          }),
        ]
      : []),
    ...(config.align !== undefined && config.align > 0 && config.align < daxDevice.align
      ? [storeProblems.NVDIMM_DAX_ALIGN.at(`${at}.align`, `${of}; align is ${formatBytes(config.align)}`)]
      : []),
  ]
}

function says({ path }: FileFact, { machine, device, run, end, host }: StoreUse): string {
  const how =
    end === 'killed'
      ? 'QEMU was killed'
      : end === 'elsewhere'
        ? `it began on ${host}, and its end is not recorded`
        : 'it did not live to say how it ended'
  return `${path} was last used by ${machine} as ${device} in run ${run}: ${how}`
}
