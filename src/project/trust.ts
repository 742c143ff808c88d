/**
 * Whose configs are read. A config is a program, and one of data still names the kernel and the QEMU that are run; it is
 * found by walking upwards. So a file that another user can write, or a folder on the way to it, is refused, as git
 * does with `safe.directory`. Trusted are root, this user, and who called sudo.
 */
import { readFileSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { homeFolder } from '../home-folder.ts'
import { findIntruder } from '../host/intruder.ts'
import { quoteCommand } from '../quote.ts'

export const problems = defineDiagnostics({
  CONFIG_UNTRUSTED: {
    title: 'Another user can write the config file, or a folder on the way to it.',
    why: 'a config runs as the user who calls bringup, and is found by searching upwards',
    remedy: 'read the file; to use it, run `bringup trust DIR` with its folder',
    source: 'git-config(1), safe.directory, has the same rule',
  },
})

type Env = Readonly<Record<string, string | undefined>>

/** Folders with colons between them; `*` is every folder. For containers and CI, where owners mean nothing. */
const TRUST_VARIABLE = 'BRINGUP_TRUSTED_FOLDERS'

/** Where `bringup trust` keeps its list: a folder a line. */
export function trustFile(env: Env = process.env): string {
  const named = env.XDG_CONFIG_HOME
  const folder = named && isAbsolute(named) ? named : join(homeFolder(env), '.config')
  return join(folder, 'bringup', 'trusted-folders')
}

/** Folders that the user trusts regardless of who can write there. A list that another user can write is ignored. */
function trustedFolders(env: Env = process.env): readonly string[] {
  const named = (env[TRUST_VARIABLE] ?? '').split(':').filter(Boolean)
  return [...named, ...listTrusted(env)]
}

/** What `bringup trust` lists. */
export function listTrusted(env: Env = process.env): readonly string[] {
  const file = trustFile(env)
  return findIntruder(file, env) === undefined ? readList(file) : []
}

function readList(file: string): readonly string[] {
  try {
    return readFileSync(file, 'utf8')
      .split('\n')
      .filter((line) => isAbsolute(line))
  } catch {
    return []
  }
}

/** @throws BringupError CONFIG_UNTRUSTED */
export function refuseUntrusted(file: string, env: Env = process.env): void {
  const intruder = findIntruder(file, env)
  if (intruder === undefined) return
  const folder = dirname(realOr(file))
  const isAllowed = trustedFolders(env).some(
    (trusted) => trusted === '*' || `${folder}/`.startsWith(`${realOr(trusted).replace(/\/$/, '')}/`),
  )
  if (isAllowed) return
  throw new BringupError([
    problems.CONFIG_UNTRUSTED.at('', `${file}: ${intruder}`, {
      remedy: `read the file; to use it: ${quoteCommand(['bringup', 'trust', folder]).join(' ')}; to work here without it: --project with a folder that has no config`,
    }),
  ])
}

function realOr(path: string): string {
  try {
    return realpathSync(path)
  } catch {
    return path
  }
}
