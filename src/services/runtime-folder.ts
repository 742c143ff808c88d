/** The folder for sockets and locks that processes of this user find each other by. */
import { lstatSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { isAbsolute, join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { makeFolder } from '../own-files.ts'
import { problems } from './problems.ts'

/** Longest path of the folder: names in it have up to 40 characters, and a socket's path at most 107 (unix(7)). */
const LONGEST = 60

/**
 * `$XDG_RUNTIME_DIR/bringup`, else `/run/user/UID/bringup`, else `/tmp/bringup-UID`: with mode 0700, owned by this user,
 * and short enough for the path of a socket. Made if it is missing.
 *
 * @throws BringupError SERVICE_FOLDER_UNSAFE
 */
export function runtimeFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const { uid } = userInfo()
  const named = env.XDG_RUNTIME_DIR
  const parents = [...(named && isAbsolute(named) ? [named] : []), `/run/user/${uid}`]
  const parent = parents.find((path) => isPrivateTo(uid, path) && path.length + 8 <= LONGEST)
  const folder = parent === undefined ? `/tmp/bringup-${uid}-run` : join(parent, 'bringup')
  makeFolder(folder)
  const { uid: owner, mode } = lstatSync(folder)
  if (owner === uid && (mode & 0o170077) === 0o040000) return folder
  const what =
    owner === uid
      ? `${folder} is not a folder with mode 0700`
      : `${folder} belongs to user ${owner}; bringup runs as user ${uid}`
  throw new BringupError([problems.SERVICE_FOLDER_UNSAFE.at('', what)])
}

function isPrivateTo(uid: number, path: string): boolean {
  const stats = statSync(path, { throwIfNoEntry: false })
  return stats?.isDirectory() === true && stats.uid === uid && (stats.mode & 0o022) === 0
}
