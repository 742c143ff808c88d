/**
 * Users and groups that packages make, and the backups that the account tools keep of their files (`/etc/passwd-`).
 * A purge leaves both behind; so copies made by root, before and after, tell what came in between. They lie in a folder
 * of the step's own, with the modes of the originals: no user can read more than before.
 */
import { join } from 'node:path'
import type { HostCommand } from '../steps/host-command.ts'
import type { HostReader } from '../steps/host-reader.ts'

const FILES = ['passwd', 'group', 'shadow', 'gshadow', 'subuid', 'subgid']
const BACKUPS = FILES.map((name) => `${name}-`)

/** Where root keeps what steps need for undoing. */
export const KEPT = '/var/lib/bringup'

/** To run before anything that may touch accounts. Once made, the copies stay: a step that goes on keeps the first. */
export function keepBefore(folder: string, host: HostReader): readonly HostCommand[] {
  const there = [...FILES, ...BACKUPS].map((name) => `/etc/${name}`).filter((path) => host.stat(path))
  if (host.stat(join(folder, 'before'))) return []
  return [
    asRoot(['install', '--directory', '--mode=755', KEPT, folder, join(folder, 'before.part')]),
    asRoot(['cp', '--archive', ...there, join(folder, 'before.part')]),
    asRoot(['mv', '--no-target-directory', join(folder, 'before.part'), join(folder, 'before')]),
  ]
}

/** To run after it. */
export function keepAfter(folder: string): readonly HostCommand[] {
  return [
    asRoot(['install', '--directory', '--mode=755', join(folder, 'after')]),
    asRoot(['cp', '--archive', '/etc/passwd', '/etc/group', join(folder, 'after')]),
  ]
}

/** To run when everything else is taken back: accounts that came in between go, backups are as they were. */
export function restoreAccounts(folder: string, host: HostReader): readonly HostCommand[] {
  if (!host.stat(folder)) return []
  const removal = [
    ...newNames('passwd', folder, host).map((name) => asRoot(['userdel', name])),
    ...newNames('group', folder, host).map((name) => asRoot(['groupdel', name])),
  ]
  return [
    ...removal,
    ...restoreBackups(folder, host),
    asRoot(['rm', '--recursive', '--force', folder]),
    asRoot(['rmdir', '--ignore-fail-on-non-empty', KEPT]),
  ]
}

/** Names that came while the step ran, and are still there: what others have added since is theirs. */
function newNames(file: 'passwd' | 'group', folder: string, host: HostReader): readonly string[] {
  const names = (path: string) =>
    (host.read(path)?.toString() ?? '').split('\n').map((line) => line.split(':')[0] ?? '')
  const before = host.read(join(folder, 'before', file)) && names(join(folder, 'before', file))
  if (!before) return []
  const after = host.stat(join(folder, 'after', file)) ? names(join(folder, 'after', file)) : undefined
  return names(`/etc/${file}`).filter(
    (name) => name !== '' && !before.includes(name) && (after?.includes(name) ?? true),
  )
}

/** The backups are restored when no other program has changed an account since. */
function restoreBackups(folder: string, host: HostReader): readonly HostCommand[] {
  const before = join(folder, 'before')
  if (!host.stat(before)) return []
  const isTouched = ['passwd', 'group'].some((file) => {
    const ours = [...linesOf(join(folder, 'after', file), host), ...linesOf(join(before, file), host)]
    return linesOf(`/etc/${file}`, host).some((line) => !ours.includes(line))
  })
  if (isTouched) return []
  return BACKUPS.flatMap((name) => {
    const path = `/etc/${name}`
    if (host.stat(join(before, name)))
      return [asRoot(['cp', '--archive', '--no-target-directory', join(before, name), path])]
    // The tools above make it even where it is not there yet.
    return [asRoot(['rm', '--force', path])]
  })
}

function linesOf(path: string, host: HostReader): readonly string[] {
  return host.read(path)?.toString().split('\n') ?? []
}

function asRoot(argv: readonly string[]): HostCommand {
  return { argv, asRoot: true }
}
