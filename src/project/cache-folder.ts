/** The folder for what can be made again: built kernels, answers of QEMU, compiled configs. */
import { lstatSync, mkdtempSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { homeFolder } from '../home-folder.ts'
import { makeFolder } from '../own-files.ts'

/**
 * `$XDG_CACHE_HOME/bringup`, else `~/.cache/bringup` (XDG Base Directory Specification: a relative path is ignored).
 * A user without a home (`/nonexistent`, as service users have) gets a folder of their own below the temporary one.
 */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = env.XDG_CACHE_HOME
  if (named && isAbsolute(named)) return join(named, 'bringup')
  const home = homeFolder(env)
  if (home !== '/' && home !== '/nonexistent') return join(home, '.cache', 'bringup')
  return ownTemporaryFolder(join(tmpdir(), `bringup-${userInfo().uid}`))
}

/** Another user may have made that folder, with a kernel of theirs in it. */
function ownTemporaryFolder(path: string): string {
  makeFolder(path)
  const { uid, mode } = lstatSync(path)
  const isOurs = uid === userInfo().uid && (mode & 0o170077) === 0o040000
  return isOurs ? path : mkdtempSync(`${path}-`)
}
