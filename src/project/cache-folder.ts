/** The folder for what can be made again: built kernels, answers of QEMU, compiled configs. */
import { homedir, tmpdir, userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'

/**
 * `$XDG_CACHE_HOME/bringup`, else `~/.cache/bringup` (XDG Base Directory Specification: a relative path is ignored).
 * A user without a home (`/nonexistent`, as service users have) gets a folder of their own below the temporary one.
 */
export function cacheFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = env.XDG_CACHE_HOME
  if (named && isAbsolute(named)) return join(named, 'bringup')
  const home = env.HOME || homedir()
  if (home !== '/' && home !== '/nonexistent') return join(home, '.cache', 'bringup')
  return join(tmpdir(), `bringup-${userInfo().uid}`)
}
