/** The file system that a Linux guest starts with: agent, busybox, kernel modules, programs. */
import { cpio, type Entry } from '../../images/cpio.ts'
import type { Module } from './modules.ts'
import { NETWORK_SCRIPT, networkEntries } from './network.ts'

export interface Contents {
  readonly agent: Buffer
  readonly busybox: readonly Entry[]
  /** In load order. */
  readonly modules: readonly Module[]
  readonly release: string
  /** Files that the agent reads after the modules, since reading them waits for drivers. */
  readonly waitFor: readonly string[]
  /** A network card: the guest asks for addresses at boot. */
  readonly hasCard: boolean
  readonly programs: readonly Entry[]
}

const text = (path: string, content: string, mode = 0o644): Entry => ({
  kind: 'file',
  path,
  mode,
  content: Buffer.from(content),
})

/** Not compressed: unpacking costs the guest more than copying (150 ms more for xz under TCG). */
export function initramfs(contents: Contents): Buffer {
  const pathOf = (module: Module) => `/lib/modules/${contents.release}/${module.path}`
  const script = [
    ...contents.modules.map((m) => `module ${pathOf(m)}`),
    ...(contents.hasCard ? [`run ${NETWORK_SCRIPT}`] : []),
    ...contents.waitFor.map((path) => `wait ${path}`),
  ]
  return cpio([
    ...['dev', 'proc', 'sys', 'tmp', 'run', 'mnt', 'root', 'var'].map(
      (path): Entry => ({ kind: 'folder', path }),
    ),
    text('etc/passwd', 'root:x:0:0:root:/root:/bin/sh\n'),
    text('etc/group', 'root:x:0:\n'),
    text('etc/hosts', '127.0.0.1 localhost\n'),
    // The files of shared folders belong to users of the host, and git refuses trees of other users by default.
    text('etc/gitconfig', '[safe]\n\tdirectory = *\n'),
    { kind: 'link', path: 'etc/mtab', target: '/proc/mounts' },
    ...networkEntries({ hasCard: contents.hasCard }),
    ...contents.busybox,
    ...contents.modules.map(
      (m): Entry => ({ kind: 'file', path: pathOf(m), mode: 0o644, content: m.content }),
    ),
    text('lib/bringup/boot', script.map((line) => `${line}\n`).join('')),
    ...contents.programs,
    { kind: 'file', path: 'init', mode: 0o755, content: contents.agent },
  ])
}
