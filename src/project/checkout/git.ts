/** Runs git by argument vectors: never asks anything, speaks English, ends with bringup, reports progress. */
import { delimiter, isAbsolute } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import { type Guard, startGuard } from '../../processes/guard.ts'
import { type GitProgress, lineCutter, parseProgress } from './git-progress.ts'

export const problems = defineDiagnostics({
  GIT_MISSING: {
    title: 'git is not installed.',
    why: 'source trees are checked out with git',
    remedy: 'install git (Debian, Ubuntu: apt install git)',
  },
  GIT_TOO_OLD: {
    title: 'The installed git is too old.',
    why: 'partial and shallow fetches of submodules need version 2 of git’s protocol',
    remedy: 'install git 2.25 or later',
    source: 'release notes of git 2.18 to 2.25',
  },
})

/** Major and minor. */
export type GitVersion = readonly [number, number]

const OLDEST: GitVersion = [2, 25]

/** How many lines of what git said are kept to explain a failure. */
const KEPT_LINES = 200

/** A git that asks for a name or password would wait forever; one that is told of another repository would go there. */
const SCRUBBED = [
  'GIT_DIR',
  'GIT_WORK_TREE',
  'GIT_INDEX_FILE',
  'GIT_OBJECT_DIRECTORY',
  'GIT_ALTERNATE_OBJECT_DIRECTORIES',
  'GIT_COMMON_DIR',
  'GIT_PREFIX',
  'GIT_NAMESPACE',
  'GIT_SHALLOW_FILE',
  'GIT_GRAFT_FILE',
  'GIT_CONFIG',
  'GIT_CEILING_DIRECTORIES',
]

/** A connection over which nothing comes for a minute is broken. */
const STALL_SECONDS = '60'

export interface GitResult {
  readonly exitCode: number
  readonly stdout: string
  /** The last lines, without progress. */
  readonly stderr: string
  readonly isTimedOut: boolean
}

export interface GitCall {
  readonly cwd?: string
  /** Options before the subcommand: `['-c', 'key=value']`. */
  readonly config?: readonly string[]
  readonly timeoutMs?: number
  /** More options for OpenSSH. */
  readonly sshOptions?: readonly string[]
  readonly onProgress?: (progress: GitProgress) => void
}

export interface Git extends Disposable {
  readonly version: GitVersion
  /** Resolves however git ends; throws only when the signal is aborted. */
  readonly run: (args: readonly string[], call?: GitCall) => Promise<GitResult>
}

export interface GitRequest {
  readonly env: Readonly<Record<string, string | undefined>>
  readonly signal: AbortSignal
}

/**
 * Finds git and asks its version.
 *
 * @throws BringupError GIT_MISSING, GIT_TOO_OLD
 */
export async function openGit({ env, signal }: GitRequest): Promise<Git> {
  const path = findProgram('git', absolutePath(env.PATH))
  if (path === undefined) throw new BringupError([problems.GIT_MISSING.at('', 'there is no "git" in PATH')])
  const guard = startGuard({ graceMs: 1000 })
  const context = { path, env, signal, guard, ssh: () => ssh }
  const ask = (...args: readonly string[]) => runGit(context, args, {})
  let ssh: string | undefined
  const { stdout } = await ask('version')
  const version = parseVersion(stdout)
  if (version === undefined || !isAtLeast(version, OLDEST)) {
    guard[Symbol.dispose]()
    throw new BringupError([
      problems.GIT_TOO_OLD.at('', `${path} is ${stdout.trim() || 'of an unknown version'}`),
    ])
  }
  ssh =
    env.GIT_SSH_COMMAND ??
    ((await ask('config', '--get', 'core.sshCommand')).stdout.trim() || undefined) ??
    (env.GIT_SSH ? undefined : 'ssh')
  return {
    version,
    run: (args, call = {}) => runGit(context, args, call),
    [Symbol.dispose]: guard[Symbol.dispose],
  }
}

/** `git version 2.39.5 (Apple Git-154)`. */
export function parseVersion(text: string): GitVersion | undefined {
  const found = /\bversion (\d+)\.(\d+)/.exec(text)
  return found ? [Number(found[1]), Number(found[2])] : undefined
}

export function isAtLeast(version: GitVersion, wanted: GitVersion): boolean {
  return version[0] > wanted[0] || (version[0] === wanted[0] && version[1] >= wanted[1])
}

/** A `git` that lies in the folder that is to be checked out must not be found. */
function absolutePath(path = ''): string {
  return path.split(delimiter).filter(isAbsolute).join(delimiter)
}

interface RunContext extends GitRequest {
  readonly path: string
  readonly guard: Guard
  /** The user's own SSH command, where it is OpenSSH or nothing else is said. */
  readonly ssh: () => string | undefined
}

async function runGit(context: RunContext, args: readonly string[], call: GitCall): Promise<GitResult> {
  const { execa } = await import('execa')
  const { signal, guard } = context
  signal.throwIfAborted()
  const said: string[] = []
  const cutter = lineCutter((line) => {
    const progress = parseProgress(line)
    if (progress) call.onProgress?.(progress)
    else said.push(line)
    if (said.length > KEPT_LINES) said.shift()
  })
  const child = execa(context.path, [...(call.config ?? []), ...args], {
    reject: false,
    stdin: 'ignore',
    // Its own process group and no terminal: whatever git starts ends with it, and none of it can ask.
    detached: true,
    buffer: { stderr: false },
    extendEnv: false,
    env: { ...gitEnvironment(context, call), ...guard.environment },
    ...(call.cwd === undefined ? {} : { cwd: call.cwd }),
  })
  const group = child.pid
  if (group !== undefined) guard.watch(group)
  child.stderr.setEncoding('utf8').on('data', (text: string) => cutter.push(text))
  const ending = endOnAbort(
    group,
    call.timeoutMs === undefined ? [signal] : [signal, AbortSignal.timeout(call.timeoutMs)],
  )
  const result = await child
  ending.dispose()
  cutter.end()
  if (group !== undefined) guard.release(group)
  signal.throwIfAborted()
  return {
    exitCode: result.exitCode ?? 128,
    stdout: result.stdout,
    stderr: said.join('\n'),
    isTimedOut: ending.isEnded(),
  }
}

/** Asks the whole group to end, which lets git delete its temporary files, and kills it if it has not after 3 seconds. */
function endOnAbort(group: number | undefined, signals: readonly AbortSignal[]) {
  let timer: NodeJS.Timeout | undefined
  const send = (name: NodeJS.Signals) => {
    try {
      if (group !== undefined) process.kill(-group, name)
    } catch {
      // It has ended by itself.
    }
  }
  const onAbort = () => {
    send('SIGTERM')
    timer ??= setTimeout(send, 3000, 'SIGKILL')
  }
  for (const signal of signals) signal.addEventListener('abort', onAbort)
  return {
    isEnded: () => timer !== undefined,
    dispose: () => {
      clearTimeout(timer)
      for (const signal of signals) signal.removeEventListener('abort', onAbort)
    },
  }
}

function gitEnvironment({ env, ssh }: RunContext, call: GitCall): Record<string, string> {
  const kept = Object.fromEntries(
    Object.entries(env).flatMap(([key, value]) =>
      value === undefined || SCRUBBED.includes(key) ? [] : [[key, value] as const],
    ),
  )
  const { LANGUAGE: _, ...rest } = kept
  const command = ssh()
  const options = [
    'BatchMode=yes',
    'ServerAliveInterval=20',
    'ServerAliveCountMax=3',
    ...(call.sshOptions ?? []),
  ]
  return {
    GIT_HTTP_LOW_SPEED_LIMIT: '1',
    GIT_HTTP_LOW_SPEED_TIME: STALL_SECONDS,
    ...rest,
    // What git says is matched and quoted: it has to be the same everywhere.
    LC_ALL: 'C',
    GIT_TERMINAL_PROMPT: '0',
    SSH_ASKPASS_REQUIRE: 'never',
    // git's own interface takes a command line here; what is added to the user's consists of constants.
    ...(command === undefined || !isOpenSsh(command, env)
      ? {}
      : { GIT_SSH_COMMAND: [command, ...options.map((o) => `-o ${o}`)].join(' ') }),
  }
}

/** PuTTY's programs do not know OpenSSH's options (git-config(1), ssh.variant). */
function isOpenSsh(command: string, env: GitRequest['env']): boolean {
  return !/^\S*(tortoise)?plink/i.test(command) && ['', 'auto', 'ssh'].includes(env.GIT_SSH_VARIANT ?? '')
}
