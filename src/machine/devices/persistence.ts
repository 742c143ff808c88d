/** Whether what a guest writes to an NVDIMM is still there after an event, and why. */
import type { PersistenceVerdict, RuleContext } from '../device.ts'
import type { FileFact } from '../facts.ts'
import { daxOf, type NvdimmConfig, nvdimmFile, usesPmem } from './nvdimm-schema.ts'

type Verdict = Pick<PersistenceVerdict, 'answer' | 'because'>
type Event = PersistenceVerdict['event']

/** File systems that keep nothing on a disk. */
const IN_MEMORY = ['tmpfs', 'ramfs', 'hugetlbfs', 'devtmpfs']
/** DAX file systems that grant MAP_SYNC (Linux 4.15 and later). */
const GRANTS_MAP_SYNC = ['ext4', 'xfs']

const yes = (because: string): Verdict => ({ answer: 'yes', because })
const no = (because: string): Verdict => ({ answer: 'no', because })
const notGuaranteed = (because: string): Verdict => ({ answer: 'not guaranteed', because })

/** Source: docs/nvdimm.txt of QEMU, "Guest Data Persistence", and what guests and killed QEMUs really did. */
export function nvdimmPersistence(
  config: NvdimmConfig,
  { machine, facts }: RuleContext,
): readonly PersistenceVerdict[] {
  const device = config.id ?? 'nvdimm0'
  const path = nvdimmFile(config, machine)
  const fact = path === undefined ? undefined : facts.files.get(path)
  const hasPmem = usesPmem(config, fact, facts.qemu)
  const verdicts: Record<Event, Verdict> = {
    'guest reboot': yes('the memory belongs to QEMU, and a reset of the guest does not touch it'),
    'guest crash': afterCrash(config, fact),
    'QEMU killed': afterKill(config, fact),
    'host power loss': afterPowerLoss(config, fact, hasPmem),
    'visible to other machines': toOthers(config, fact),
  }
  return Object.entries(verdicts).map(([event, verdict]) => ({ device, event: event as Event, ...verdict }))
}

/** Why nothing reaches a file, or undefined when it does. */
function whyNowhere(config: NvdimmConfig, fact: FileFact | undefined): string | undefined {
  if (config.backing === 'ram') return 'it is backed by RAM of the QEMU process'
  if (fact?.kind === 'directory')
    return 'mem-path is a directory, so QEMU maps a temporary file that it has already deleted'
  if (!config.share) return 'share=off: writes go to a private copy in QEMU, never to the file'
  return undefined
}

function isUnchangeable({ readonly, backing }: NvdimmConfig, fact: FileFact | undefined): boolean {
  return readonly && backing === 'file' && fact?.kind !== 'directory'
}

const UNCHANGEABLE = 'readonly: the guest cannot change the file, so what is in it stays'

function afterCrash(config: NvdimmConfig, fact: FileFact | undefined): Verdict {
  const nowhere = whyNowhere(config, fact)
  if (isUnchangeable(config, fact)) return yes(UNCHANGEABLE)
  if (nowhere)
    return notGuaranteed(`${nowhere}, so it lasts only while QEMU runs; bringup ends the run on a crash`)
  return yes(
    'share=on: what the guest stored is in the host’s page cache or in persistent memory, which do not belong to the guest',
  )
}

function afterKill(config: NvdimmConfig, fact: FileFact | undefined): Verdict {
  const nowhere = whyNowhere(config, fact)
  if (isUnchangeable(config, fact)) return yes(UNCHANGEABLE)
  if (nowhere) return no(nowhere)
  return yes(
    'share=on: the pages of the file belong to the host’s kernel, which keeps them when QEMU dies, even by SIGKILL',
  )
}

function afterPowerLoss(config: NvdimmConfig, fact: FileFact | undefined, hasPmem: boolean): Verdict {
  const nowhere = whyNowhere(config, fact)
  const fileSystem = fact?.fileSystem
  if (nowhere && !isUnchangeable(config, fact)) return no(nowhere)
  if (fact?.kind !== 'character-device' && fileSystem !== undefined && IN_MEMORY.includes(fileSystem))
    return no(`the file is on ${fileSystem}, which is the host’s RAM`)
  if (config.readonly) return yes(UNCHANGEABLE)
  if (fact?.kind === 'character-device') {
    return hasPmem
      ? yes(
          'a DAX device with share=on and pmem=on: stores reach the host’s persistent memory, and QEMU flushes with libpmem',
        )
      : notGuaranteed(
          'a DAX device, but pmem=off: QEMU itself does not flush what it writes (labels, migration)',
        )
  }
  return onFile(fact, hasPmem)
}

/** "MAP_SYNC … and additionally both 'pmem' and 'share' flags are set to 'on'". */
function onFile(fact: FileFact | undefined, hasPmem: boolean): Verdict {
  const where = fact?.fileSystem === undefined ? 'the file' : `the file on ${fact.fileSystem}`
  const dax = daxOf(fact)
  const asked = fact?.mapSync
  if (dax === 'never') {
    const isNot = asked
      ? `MAP_SYNC was refused for ${where} (${asked.reason})`
      : `${where} is not on a DAX mount`
    return notGuaranteed(
      `${isNot}: writes wait in the host’s page cache until the host’s kernel writes them back; a DAX device or a DAX file with pmem=on would be guaranteed`,
    )
  }
  if (!hasPmem)
    return notGuaranteed(
      `${where} is ${asked ? 'DAX' : 'on a DAX mount'}, but pmem=off: the file is mapped without MAP_SYNC, so the file system may lose blocks that were just allocated`,
    )
  if (asked)
    return yes(
      `${where} is DAX: the kernel granted MAP_SYNC for it when asked; share=on and pmem=on, so QEMU maps it so`,
    )
  return onUntestedFile(where, dax, fact?.fileSystem)
}

/** Where the kernel could not be asked, the mount's options have to do. */
function onUntestedFile(where: string, dax: 'always' | 'perhaps', fileSystem: string | undefined): Verdict {
  if (dax === 'perhaps')
    return notGuaranteed(
      `${where} is on a mount with dax=inode: whether this file is DAX, and MAP_SYNC granted, is decided by a flag of the file`,
    )
  if (fileSystem === undefined || !GRANTS_MAP_SYNC.includes(fileSystem))
    return notGuaranteed(`${where} is DAX, but only ext4 and xfs are known to grant MAP_SYNC`)
  return yes(
    `${where} is DAX, with share=on and pmem=on, so QEMU maps it with MAP_SYNC; if the host’s kernel refuses that, QEMU warns at start`,
  )
}

function toOthers(config: NvdimmConfig, fact: FileFact | undefined): Verdict {
  const nowhere = whyNowhere(config, fact)
  if (nowhere) return no(nowhere)
  if (config.readonly)
    return no('readonly: this machine writes nothing; it sees what others write to the file')
  if (!config.shared)
    return no(
      'this machine holds the file alone; with shared: true, and share=on, writes of each machine are seen by the others',
    )
  return yes('share=on and shared: true: all machines map the same pages')
}
