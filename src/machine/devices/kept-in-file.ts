/** What becomes of content that lies in RAM or in a plain file, for devices that are not NVDIMMs. */
import type { PersistenceVerdict } from '../device.ts'
import type { FileFact } from '../facts.ts'
import type { Backing } from './backing.ts'

type Verdict = Pick<PersistenceVerdict, 'answer' | 'because'>

/** File systems that keep nothing on a disk. */
const IN_MEMORY = ['tmpfs', 'ramfs', 'hugetlbfs', 'devtmpfs']

/**
 * The verdicts for all events.
 *
 * @param onPowerLoss what a file on a disk keeps when the host loses power: the one thing in which devices differ
 */
export function keptInFile(
  { id, backing, share, shared }: Backing & { readonly id: string },
  { file, fact }: { readonly file: string | undefined; readonly fact: FileFact | undefined },
  onPowerLoss: Verdict,
): readonly PersistenceVerdict[] {
  const nowhere = whyNowhere({ backing, share }, fact)
  const inMemory = fact?.fileSystem !== undefined && IN_MEMORY.includes(fact.fileSystem)
  const verdicts: Readonly<Record<PersistenceVerdict['event'], Verdict>> = {
    'guest reboot': yes('the memory belongs to QEMU, and a reset of the guest does not touch it'),
    'guest crash':
      nowhere === undefined
        ? yes(
            'share=on: what the guest stored is in the host’s page cache, which does not belong to the guest',
          )
        : {
            answer: 'not guaranteed',
            because: `${nowhere}, so it lasts only while QEMU runs; bringup ends the run on a crash`,
          },
    'QEMU killed':
      nowhere === undefined
        ? yes('share=on: the pages of the file belong to the host’s kernel, which keeps them when QEMU dies')
        : no(nowhere),
    'host power loss':
      nowhere !== undefined
        ? no(nowhere)
        : inMemory
          ? no(`the file is on ${fact.fileSystem}, which is the host’s RAM`)
          : onPowerLoss,
    'visible to other machines':
      nowhere !== undefined || file === undefined
        ? no(nowhere ?? 'there is no file')
        : shared
          ? yes('share=on and shared: true: all machines map the same pages')
          : no('this machine holds the file alone; with shared: true several may have it open'),
  }
  return Object.entries(verdicts).map(([event, verdict]) => ({
    device: id,
    event: event as PersistenceVerdict['event'],
    ...verdict,
  }))
}

function whyNowhere(
  { backing, share }: Pick<Backing, 'backing' | 'share'>,
  fact: FileFact | undefined,
): string | undefined {
  if (backing === 'ram') return 'it is backed by RAM of the QEMU process'
  if (fact?.kind === 'directory')
    return 'mem-path is a directory, so QEMU maps a temporary file that it has already deleted'
  return share ? undefined : 'share=off: writes go to a private copy in QEMU, never to the file'
}

const yes = (because: string): Verdict => ({ answer: 'yes', because })
const no = (because: string): Verdict => ({ answer: 'no', because })
