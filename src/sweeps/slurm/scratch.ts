/**
 * What runs read, on the local disk of a node: copies under the digest of their content, made once for all jobs of this
 * user on the node, and removed by the last of them. A lock is held while a copy is made or the folder is removed. It lies
 * in the cache, since a file that is removed with the folder cannot be its lock.
 */
import { cpSync, lstatSync, mkdirSync, readdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startTimeOf } from '../../host/process-start.ts'
import { makeFolder, OWN_FOLDER } from '../../own-files.ts'
import { withLock } from '../../processes/file-lock.ts'
import { randomDigits } from '../../random-name.ts'

/** What makes a copy. */
export interface Copy {
  /** Digest of its content, as the name of a file. */
  readonly key: string
  /** Makes it at that path. */
  readonly make: (path: string) => void
}

export class Scratch implements AsyncDisposable {
  readonly #folder: string
  readonly #lock: string
  /** Paths of copies by key: those of this process stay until it ends. */
  readonly #known = new Map<string, string>()

  private constructor(folder: string, lock: string) {
    this.#folder = folder
    this.#lock = lock
  }

  /**
   * @param node name of the node: nodes of a test are on one computer
   * @throws the system's error if the folder cannot be made
   */
  static async open({
    base,
    node,
    cache,
  }: {
    readonly base: string
    readonly node: string
    readonly cache: string
  }): Promise<Scratch> {
    const uid = process.getuid?.() ?? 0
    const name = `bringup-${uid}-${node.replaceAll(/[^\w.-]/g, '_')}`
    const scratch = new Scratch(join(base, name), join(cache, 'locks', `scratch-${name}`))
    await withLock(scratch.#lock, async () => {
      mkdirSync(scratch.#folder, { recursive: true, mode: OWN_FOLDER })
      refuseForeign(scratch.#folder, uid)
      makeFolder(join(scratch.#folder, 'users'))
      writeFileSync(scratch.#user, '')
    })
    return scratch
  }

  get #user(): string {
    return join(this.#folder, 'users', userName(process.pid, startTimeOf(process.pid)))
  }

  /** Path of the copy, which is made if this node has none. @throws the system's error, such as ENOSPC; nothing is left of the copy then */
  async have({ key, make }: Copy): Promise<string> {
    const known = this.#known.get(key)
    if (known !== undefined) return known
    const path = join(this.#folder, 'content', key)
    await withLock(this.#lock, async () => {
      if (exists(path)) return
      makeFolder(join(this.#folder, 'content'))
      const partial = `${path}.${randomDigits(16)}.part`
      try {
        make(partial)
        renameSync(partial, path)
      } catch (error) {
        rmSync(partial, { recursive: true, force: true })
        throw error
      }
    })
    this.#known.set(key, path)
    return path
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await withLock(this.#lock, async () => {
      rmSync(this.#user, { force: true })
      if (!usersIn(join(this.#folder, 'users')).some(isAlive))
        rmSync(this.#folder, { recursive: true, force: true })
    })
  }
}

const userName = (pid: number, startTime: string) => `${pid}-${startTime.replaceAll(/[^\w.-]/g, '_')}`

/** A job that was killed has left its name behind. */
function isAlive(name: string): boolean {
  const pid = Number(name.split('-')[0])
  return userName(pid, startTimeOf(pid)) === name
}

function usersIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder)
  } catch {
    return []
  }
}

function exists(path: string): boolean {
  return lstatSync(path, { throwIfNoEntry: false }) !== undefined
}

/** Another user may have made that folder in /tmp, with a kernel of theirs in it. */
function refuseForeign(folder: string, uid: number): void {
  const { uid: owner, mode } = lstatSync(folder)
  if (owner !== uid || (mode & 0o170077) !== 0o040000)
    throw new Error(`${folder} is not a private folder of this user`)
}

/** Copies a file or a folder as it is. */
export function copyTo(from: string): (path: string) => void {
  return (path) => cpSync(from, path, { recursive: true, verbatimSymlinks: true, preserveTimestamps: true })
}

/** The folder that the config names, or the usual ones: on the node, where the variables have their values. */
export function scratchBase(
  named: string | undefined,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  const value = named?.replaceAll(
    /\$(?:(\w+)|\{(\w+)\})/g,
    (_, bare?: string, braced?: string) => env[bare ?? braced ?? ''] ?? '',
  )
  return value || env.SLURM_TMPDIR || env.TMPDIR || '/tmp'
}
