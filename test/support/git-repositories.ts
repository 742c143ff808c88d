/** For tests: repositories to serve, and a user whose git knows nothing of this computer's. */
import { randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { execa } from 'execa'

/** Environment of a user without any git configuration. */
export function gitUser(folder: string): Record<string, string> {
  const config = join(folder, 'gitconfig')
  writeFileSync(config, '[user]\n\tname = T\n\temail = t@example.test\n[init]\n\tdefaultBranch = main\n')
  return {
    ...(process.env as Record<string, string>),
    GIT_CONFIG_GLOBAL: config,
    GIT_CONFIG_NOSYSTEM: '1',
    GIT_AUTHOR_DATE: '2026-01-01T00:00:00Z',
    GIT_COMMITTER_DATE: '2026-01-01T00:00:00Z',
  }
}

export interface Repository {
  readonly path: string
  readonly git: (...args: readonly string[]) => Promise<string>
  /** Writes files and commits them; returns the commit's id. */
  readonly commit: (files: Readonly<Record<string, string | Buffer>>, message?: string) => Promise<string>
  /** Records another repository as a submodule, at that commit, by any address. */
  readonly addSubmodule: (path: string, url: string, commit: string) => Promise<void>
}

export async function createRepository(path: string, env: Record<string, string>): Promise<Repository> {
  mkdirSync(path, { recursive: true })
  const git = async (...args: readonly string[]) =>
    (await execa('git', args, { cwd: path, env, extendEnv: false })).stdout
  await git('init', '--quiet')
  const modules: string[] = []
  return {
    path,
    git,
    async commit(files, message = 'change') {
      for (const [name, content] of Object.entries(files)) {
        mkdirSync(dirname(join(path, name)), { recursive: true })
        writeFileSync(join(path, name), content)
      }
      await git('add', '--all')
      await git('commit', '--quiet', '--allow-empty', '--message', message)
      return git('rev-parse', 'HEAD')
    },
    async addSubmodule(at, url, commit) {
      modules.push(`[submodule "${at}"]\n\tpath = ${at}\n\turl = ${url}\n`)
      writeFileSync(join(path, '.gitmodules'), modules.join(''))
      mkdirSync(join(path, at), { recursive: true })
      await git('add', '.gitmodules')
      await git('update-index', '--add', '--cacheinfo', `160000,${commit},${at}`)
      await git('commit', '--quiet', '--message', `submodule ${at}`)
    },
  }
}

/** What no compression makes smaller. */
export const noise = (bytes: number): Buffer => randomBytes(bytes)
