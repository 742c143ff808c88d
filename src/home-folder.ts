/** The user's home folder, which HOME may name wrongly: empty, or a relative path. */
import { homedir, userInfo } from 'node:os'
import { isAbsolute } from 'node:path'

/** `$HOME` if it is an absolute path, else what the user database says (getpwuid(3)). */
export function homeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  if (env.HOME && isAbsolute(env.HOME)) return env.HOME
  const known = homedir()
  return isAbsolute(known) ? known : userInfo().homedir
}
