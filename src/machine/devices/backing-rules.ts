/** The rules of backing files that memory devices other than NVDIMMs have in common. QEMU's words are those of 7.2. */
import { normalize } from 'node:path'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, MiB } from '../../units.ts'
import type { RuleContext } from '../device.ts'
import type { FileFact } from '../facts.ts'
import type { Backing } from './backing.ts'
import { OWN_STORE_BUSY } from './store-path.ts'
import { whyUnfit } from './unfit-file.ts'

export const backingProblems = defineDiagnostics({
  BACKING_FILE_SMALLER: {
    title: 'The backing file is smaller than the device.',
    why: 'QEMU does not enlarge an existing file',
    remedy: 'use the size of the file, or another file; `truncate -s` enlarges a file',
    source: 'QEMU: "does not match \'size\' option"',
    qemu: 'refuses',
  },
  BACKING_FILE_LARGER: {
    severity: 'warning',
    title: 'The backing file is larger than the device.',
    why: 'QEMU accepts it silently, and hides the tail from the guest',
    remedy: 'use the size of the file, or another file',
    qemu: 'misbehaves',
  },
  BACKING_FILE_IS_DIRECTORY: {
    title: 'The backing file is a directory.',
    why: 'QEMU would map a temporary file in it and delete that file at once, so all content would be lost at the end',
    remedy: 'name a file in that directory',
    source: 'QEMU backends/hostmem-file.c',
    qemu: 'misbehaves',
  },
  BACKING_FILE_UNFIT: {
    title: 'The backing file is neither a plain file nor a DAX device or a disk.',
    why: 'QEMU maps it into the guest’s memory; /dev/zero and files in /proc do not store what the guest writes',
    remedy: 'name a plain file',
    source: 'QEMU: "unable to map backing store for guest RAM"',
    qemu: 'refuses',
  },
  BACKING_FILE_NO_ACCESS: {
    title: 'The backing file cannot be opened by this user.',
    why: 'QEMU runs as the user who runs bringup, and opens the file for reading and writing',
    remedy: 'change the owner or the mode of the file or of its folder, or name another file',
    source: 'QEMU: "can\'t open backing store … Permission denied"',
    qemu: 'refuses',
  },
  BACKING_FOLDER_MISSING: {
    title: 'The folder of the backing file does not exist.',
    why: 'bringup does not create it, because a missing folder is usually a typo or a missing mount',
    remedy: 'create the folder, mount its file system, or correct the path',
    source: 'QEMU: "can\'t open backing store … No such file or directory"',
    qemu: 'refuses',
  },
  BACKING_NO_ROOM: {
    severity: 'warning',
    title: 'The file system of a new backing file has less room than the file may need.',
    why: 'the file is sparse: it takes room as the guest writes, and when the disk is full QEMU dies of SIGBUS',
    remedy: 'free some space, make the device smaller, or put the file elsewhere',
    source: 'mmap(2), SIGBUS',
    qemu: 'misbehaves',
  },
  BACKING_FILE_IS_IMAGE: {
    severity: 'warning',
    title: 'The backing file looks like a program or a disk image.',
    why: 'the guest writes to the file as it is; a kernel or a qcow2 image would be destroyed',
    remedy: 'name a file of its own; use a `disk` for a disk image',
    qemu: 'accepts',
  },
  BACKING_FILE_BUSY: {
    title: 'Another process uses the backing file.',
    why: 'two machines that write to one file would corrupt it; QEMU itself does not notice',
    remedy:
      'wait for the other run or end it; set `shared: true` in both descriptions if both may use the file at the same time',
    source: '/proc/locks; QEMU takes no lock on memory-backend-file',
    qemu: 'misbehaves',
  },
  BACKING_FILE_TWICE: {
    title: 'Two devices of the machine have the same file.',
    why: 'QEMU takes no lock on memory backends, so both would write to the same bytes',
    remedy: 'give each device its own file',
    source: 'seen: QEMU starts silently',
    qemu: 'misbehaves',
  },
  BACKING_NOT_KEPT: {
    severity: 'note',
    title: 'What the guest writes to a device is lost when QEMU ends.',
    why: 'with share=off the guest writes to a private copy of the file; the next boot sees the old content',
    remedy: 'omit `share` if the content is to be kept',
    qemu: 'misbehaves',
  },
  BACKING_SHARED_PRIVATE: {
    title: 'A device is shared with other machines, but its writes are private.',
    why: 'with share=off each machine writes to its own copy, so nothing is shared, and QEMU does not report that',
    remedy: 'omit `share` (it is true), or omit `shared`',
    qemu: 'misbehaves',
  },
  BACKING_OPTION_NEEDS_FILE: {
    title: 'A device backed by RAM has options that only a file can have.',
    why: 'there is no file that could be named or shared',
    remedy: 'use `backing: "file"`, or omit these keys',
    qemu: 'accepts',
  },
})

/** The devices that might name the same file, the facts, and where the backing is described. */
export interface BackingContext extends Pick<RuleContext, 'facts' | 'path'> {
  readonly machine: Pick<RuleContext['machine'], 'devices'>
}

/** Everything about the backing of one device. `bytes` is what the file must hold. */
export function checkBacking(
  config: Backing,
  { file, bytes }: { readonly file: string | undefined; readonly bytes: number },
  context: BackingContext,
): readonly Diagnostic[] {
  if (file === undefined) return checkRam(config, context.path)
  const fact = context.facts.files.get(file)
  return [
    ...checkShare(config, context.path),
    ...(fact ? checkFile(config, { fact, bytes }, context.path) : []),
    ...checkOnlyUser(file, context),
  ]
}

function checkRam({ file, shared }: Backing, path: string): readonly Diagnostic[] {
  const keys = [...(file === undefined ? [] : ['file']), ...(shared ? ['shared'] : [])]
  return keys.map((key) =>
    backingProblems.BACKING_OPTION_NEEDS_FILE.at(`${path}.${key}`, `backing is "ram", and ${key} is given`),
  )
}

function checkShare({ share, shared }: Backing, path: string): readonly Diagnostic[] {
  if (share) return []
  return shared
    ? [backingProblems.BACKING_SHARED_PRIVATE.at(`${path}.share`, 'shared is true, share is false')]
    : [backingProblems.BACKING_NOT_KEPT.at(`${path}.share`, 'share is false')]
}

interface Wanted {
  readonly fact: FileFact
  readonly bytes: number
}

function checkFile(config: Backing, wanted: Wanted, path: string): readonly Diagnostic[] {
  const { fact } = wanted
  const at = `${path}.file`
  const unfit = whyUnfit(fact)
  if (unfit !== undefined) return [backingProblems.BACKING_FILE_UNFIT.at(at, `${fact.path} ${unfit}`)]
  if (fact.kind === 'missing') return checkNew(config, wanted, at)
  if (fact.kind === 'directory')
    return [backingProblems.BACKING_FILE_IS_DIRECTORY.at(at, `${fact.path} is a directory`)]
  const lacking = [...(fact.isReadable ? [] : ['read']), ...(fact.isWritable ? [] : ['written'])]
  return [
    ...(lacking.length > 0
      ? [backingProblems.BACKING_FILE_NO_ACCESS.at(at, `${fact.path} cannot be ${lacking.join(' or ')}`)]
      : []),
    ...checkSize(wanted, path),
    ...checkContent(config, fact, at),
    ...checkHolder(config, fact, at),
  ]
}

function checkNew({ file }: Backing, { fact, bytes }: Wanted, at: string): readonly Diagnostic[] {
  // bringup makes the folders of its own stores.
  if (file !== undefined && !fact.hasParent)
    return [
      backingProblems.BACKING_FOLDER_MISSING.at(at, `${fact.path} lies in a folder that does not exist`),
    ]
  const free = `${Math.floor(fact.freeBytes / MiB)}M`
  return [
    ...(fact.isWritable
      ? []
      : [backingProblems.BACKING_FILE_NO_ACCESS.at(at, `${fact.path} does not exist and cannot be made`)]),
    ...(fact.freeBytes < bytes
      ? [
          backingProblems.BACKING_NO_ROOM.at(
            at,
            `${fact.path} may grow to ${formatBytes(bytes)}, and ${free} are free`,
          ),
        ]
      : []),
  ]
}

/** QEMU lets an empty file grow. */
function checkSize({ fact, bytes }: Wanted, path: string): readonly Diagnostic[] {
  if (fact.kind !== 'file' || fact.bytes === 0 || fact.bytes === bytes) return []
  const what = `${fact.path} has ${formatBytes(fact.bytes)}, the device ${formatBytes(bytes)}`
  return fact.bytes < bytes
    ? [backingProblems.BACKING_FILE_SMALLER.at(`${path}.size`, what)]
    : [backingProblems.BACKING_FILE_LARGER.at(`${path}.size`, what)]
}

/** What no store begins with; a boot sector or nothing at all may well be one. */
const STORES: readonly (FileFact['content'] | undefined)[] = [
  undefined,
  'boot-sector',
  'text',
  'empty',
  'unknown',
]

function checkContent({ share }: Backing, { content, path }: FileFact, at: string): readonly Diagnostic[] {
  return share && !STORES.includes(content)
    ? [backingProblems.BACKING_FILE_IS_IMAGE.at(at, `${path} looks like ${content}`)]
    : []
}

function checkHolder(
  { file, shared, share }: Backing,
  { lockedBy, path }: FileFact,
  at: string,
): readonly Diagnostic[] {
  if (!lockedBy || (lockedBy.mode === 'read' && (shared || !share))) return []
  const holder = lockedBy.pid > 0 ? `process ${lockedBy.pid} (${lockedBy.command})` : 'another process'
  const remedy = file === undefined ? { remedy: OWN_STORE_BUSY } : {}
  return [backingProblems.BACKING_FILE_BUSY.at(at, `${path} is held by ${holder}`, remedy)]
}

/** Earlier devices that name the same file, of whatever kind. NVDIMMs look for themselves, wherever they stand. */
function checkOnlyUser(file: string, { machine, path }: BackingContext): readonly Diagnostic[] {
  const mine = machine.devices.findIndex((d) => d.path === path)
  const twin = machine.devices.slice(0, mine).find(({ kind, config }) => {
    const { file: theirs } = config as { readonly file?: string }
    return kind !== 'nvdimm' && theirs !== undefined && normalize(theirs) === normalize(file)
  })
  return twin
    ? [
        backingProblems.BACKING_FILE_TWICE.at(
          `${path}.file`,
          `${file} is also the file of ${twin.path} (${twin.kind} "${twin.id}")`,
        ),
      ]
    : []
}
