/** What has to hold for the writes of a guest to survive a power loss of the host, one by one. */
import type { PersistenceCondition, RuleContext } from '../device.ts'
import type { FileFact } from '../facts.ts'
import { daxOf, type NvdimmConfig, nvdimmFile, usesPmem } from './nvdimm-schema.ts'

type Condition = Omit<PersistenceCondition, 'device'>

const DAX_FILE =
  'keep the store on a file system on persistent memory, mounted with -o dax (`file`), or name a DAX device'

/**
 * Source: docs/nvdimm.txt of QEMU, "Guest Data Persistence": a DAX device, or a DAX file for which the host grants
 * MAP_SYNC, with both pmem=on and share=on.
 */
export function nvdimmConditions(
  config: NvdimmConfig,
  { machine, facts }: RuleContext,
): readonly PersistenceCondition[] {
  const path = nvdimmFile(config, machine)
  const fact = path === undefined ? undefined : facts.files.get(path)
  const hasPmem = usesPmem(config, fact, facts.qemu)
  const conditions: readonly Condition[] = [
    dax(config, path, fact),
    mapSync(config, fact),
    share(config),
    {
      condition: 'QEMU has libpmem',
      isMet: facts.qemu?.hasLibpmem,
      because: facts.qemu
        ? `${facts.qemu.path} ${facts.qemu.hasLibpmem ? 'takes' : 'refuses'} pmem=on`
        : 'there is no QEMU to ask',
      change: 'use a QEMU built with --enable-libpmem',
    },
    {
      condition: 'pmem=on',
      isMet: hasPmem,
      because: hasPmem ? 'bringup passes pmem=on to QEMU' : `pmem is ${config.pmem}, which resolves to off`,
      change:
        config.pmem === false
          ? 'omit `pmem`, or set it to true'
          : 'meet the other conditions; pmem then resolves to on',
    },
  ]
  const device = config.id ?? 'nvdimm0'
  return conditions.map(({ change, ...condition }) => ({
    device,
    ...condition,
    ...(condition.isMet === true || change === undefined ? {} : { change }),
  }))
}

function dax({ backing }: NvdimmConfig, path: string | undefined, fact: FileFact | undefined): Condition {
  const condition = 'DAX device or DAX file'
  if (backing === 'ram' || path === undefined)
    return { condition, isMet: false, because: 'it is backed by RAM', change: DAX_FILE }
  if (fact?.kind === 'character-device') {
    const isDax = fact.daxDevice !== undefined
    return {
      condition,
      isMet: isDax,
      because: `${path} is ${isDax ? 'a' : 'no'} DAX device`,
      change: DAX_FILE,
    }
  }
  if (fact?.kind === 'directory')
    return { condition, isMet: false, because: `${path} is a directory`, change: 'name a file in it' }
  const on = fact?.fileSystem === undefined ? '' : ` on ${fact.fileSystem}`
  const is = { always: 'is a DAX file', perhaps: 'may be a DAX file', never: 'is an ordinary file' }[
    daxOf(fact)
  ]
  const isMet = { always: true, perhaps: undefined, never: false }[daxOf(fact)]
  return { condition, isMet, because: `${path} ${is}${on}`, change: DAX_FILE }
}

function mapSync({ backing }: NvdimmConfig, fact: FileFact | undefined): Condition {
  const condition = 'MAP_SYNC'
  if (backing === 'ram')
    return { condition, isMet: false, because: 'there is no file to map', change: DAX_FILE }
  if (fact?.mapSync) {
    const { isGranted, reason } = fact.mapSync
    const which = fact.kind === 'missing' ? 'a file of its folder' : 'this file'
    const because = isGranted
      ? `the kernel granted it for ${which}`
      : `the kernel refused it for ${which}: ${reason}`
    return { condition, isMet: isGranted, because, change: DAX_FILE }
  }
  return {
    condition,
    isMet: daxOf(fact) === 'never' ? false : undefined,
    because: fact?.mapSyncProblem ?? 'the kernel was not asked',
    change:
      fact?.mapSyncProblem === undefined
        ? DAX_FILE
        : 'install a C compiler: a small program requests MAP_SYNC from the kernel',
  }
}

function share({ share: isShared, backing }: NvdimmConfig): Condition {
  const condition = 'share=on'
  if (backing === 'ram')
    return { condition, isMet: false, because: 'there is no file to share', change: DAX_FILE }
  return {
    condition,
    isMet: isShared,
    because: isShared ? 'the guest writes to the file itself' : 'the guest writes to a private copy',
    change: 'omit `share`: it is on by itself',
  }
}
