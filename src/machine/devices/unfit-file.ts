/** Which files can be behind memory or a disk, and which only look like it. */
import type { FileFact } from '../facts.ts'

/** File systems whose files are questions to the kernel: they hold nothing, and some never end. Source: filesystems(5). */
const PSEUDO = new Set([
  ...[
    'proc',
    'sysfs',
    'devpts',
    'cgroup',
    'cgroup2',
    'debugfs',
    'tracefs',
    'securityfs',
    'configfs',
    'pstore',
  ],
  ...[
    'bpf',
    'efivarfs',
    'mqueue',
    'binfmt_misc',
    'fusectl',
    'nsfs',
    'rpc_pipefs',
    'selinuxfs',
    'smackfs',
    'resctrl',
  ],
])

/** Why nothing can be kept there, as the end of a sentence; undefined where something can, or nothing is there. */
export function whyUnfit({ kind, daxDevice, fileSystem }: FileFact): string | undefined {
  if (kind === 'other') return 'is a pipe, a socket or the like'
  if (kind === 'character-device' && daxDevice === undefined)
    return 'is a character device, and not a DAX device: it keeps nothing'
  if (
    kind !== 'character-device' &&
    kind !== 'block-device' &&
    fileSystem !== undefined &&
    PSEUDO.has(fileSystem)
  )
    return `is on ${fileSystem}, whose files are made by the kernel as they are read`
  return undefined
}
