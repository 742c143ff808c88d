/** Folders that virtiofsd serves: its programs, its words, and what it cannot do. Pure. */
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { type Argument, option, type RuleContext } from '../device.ts'
import type { Facts } from '../facts.ts'
import type { FolderConfig } from './folder-schema.ts'
import { backendOf, type MemoryConfig } from './memory-options.ts'

/** QEMU had a daemon of its own until 7.2; Debian 12 and Ubuntu 22.04 have it there. */
const DAEMON_OF_QEMU = '/usr/lib/qemu/virtiofsd'

/** Where distributions have the daemon. The first one that exists is used. */
export const VIRTIOFS_DAEMONS = ['/usr/libexec/virtiofsd', '/usr/lib/virtiofsd', DAEMON_OF_QEMU]

export const virtiofsProblems = defineDiagnostics({
  VIRTIOFSD_MISSING: {
    title: 'A folder has the transport virtiofs, and the daemon virtiofsd is missing.',
    why: `virtiofsd serves the files; bringup looks for it at ${VIRTIOFS_DAEMONS.join(', ')}`,
    remedy:
      'install virtiofsd (Debian 13: apt install virtiofsd; Debian 12: apt install qemu-system-common), or omit `transport`',
    qemu: 'accepts',
  },
  VIRTIOFSD_NEEDS_ROOT: {
    title: 'A folder has the transport virtiofs, and the virtiofsd of QEMU 7.2 is run by an ordinary user.',
    why: 'that daemon starts as root only',
    remedy:
      'omit `transport`: 9p needs no daemon. Or install the newer virtiofsd, which is a package of its own since Debian 13',
    source: 'virtiofsd of QEMU 7.2: "Could not create \'/var/run/virtiofsd/….pid\': Permission denied"',
    qemu: 'accepts',
  },
  VIRTIOFSD_ALWAYS_WRITES: {
    title:
      'A folder with the transport virtiofs has access "overlay" or "readonly", and virtiofsd is the one of QEMU 7.2.',
    why: 'that daemon cannot be read-only: a guest that is root could write to the folder of this computer',
    remedy:
      'omit `transport`, since QEMU itself serves 9p read-only; or set access "rw", where the guest may write to the folder',
    qemu: 'accepts',
  },
})

const daemonOf = ({ files }: Pick<Facts, 'files'>) =>
  VIRTIOFS_DAEMONS.find((path) => files.get(path)?.kind === 'file')

export function checkVirtiofs(config: FolderConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  if (config.transport === '9p') return []
  const daemon = daemonOf(facts)
  const at = `${path}.transport`
  const what = `folder "${config.id ?? 'folder0'}" has the transport virtiofs`
  if (daemon === undefined) {
    const isKnown = VIRTIOFS_DAEMONS.every((one) => facts.files.has(one))
    return isKnown ? [virtiofsProblems.VIRTIOFSD_MISSING.at(at, `${what}, and virtiofsd was not found`)] : []
  }
  if (daemon !== DAEMON_OF_QEMU) return []
  const isRefused = config.access !== 'rw'
  return [
    ...(facts.isRoot === false
      ? [virtiofsProblems.VIRTIOFSD_NEEDS_ROOT.at(at, `${what}, by ${daemon}`)]
      : []),
    ...(isRefused
      ? [
          virtiofsProblems.VIRTIOFSD_ALWAYS_WRITES.at(
            `${path}.access`,
            `${what} and access "${config.access}"`,
          ),
        ]
      : []),
  ]
}

/** Program and arguments of the daemon; `{folder}` is the private folder of the service. */
export function virtiofsdWords({ path, access }: FolderConfig, facts: Facts): readonly [string, ...string[]] {
  const daemon = daemonOf(facts) ?? 'virtiofsd'
  const socket = '--socket-path={folder}/socket'
  // Options of FUSE end at a comma; a backslash takes it in (fuse_opt.h).
  if (daemon === DAEMON_OF_QEMU)
    return [daemon, socket, '-o', `source=${path.replaceAll(/[\\,]/g, '\\$&')}`, '-o', 'cache=auto']
  return [
    daemon,
    socket,
    `--shared-dir=${path}`,
    '--cache=auto',
    ...(access === 'rw' ? [] : ['--readonly']),
    // Its other sandboxes need rights that an ordinary user lacks.
    ...(facts.isRoot === true ? [] : ['--sandbox=none']),
  ]
}

export function virtiofsArgs(id: string): readonly Argument[] {
  return [
    option('-chardev', 'socket', { id: `${id}-daemon`, fd: `{fd:${id}-folder}` }),
    option('-device', 'vhost-user-fs-pci', { id, chardev: `${id}-daemon`, tag: id }),
  ]
}

/** virtiofsd maps the RAM of the guest: it has to be a file that is shared. */
export function sharedRam(memory: MemoryConfig): MemoryConfig {
  const backend = backendOf(memory)
  return { ...memory, backend: backend === 'ram' ? 'memfd' : backend, share: true }
}
