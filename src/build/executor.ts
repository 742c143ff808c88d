/** Where the commands of a build run. On this computer here; in a container by another executor of the same shape. */
import { spawn } from 'node:child_process'
import { delimiter } from 'node:path'
import { findProgram, programFolders } from '../host/tools.ts'
import type { Guardian } from './guardian.ts'

export interface ExecutorCommand {
  readonly argv: readonly [string, ...string[]]
  /** Absolute path on this computer; an executor that runs elsewhere maps it. */
  readonly cwd: string
  /** Added to the environment of the executor; null takes a variable away. */
  readonly env: Readonly<Record<string, string | null>>
}

export interface CommandEnd {
  /** Null when a signal ended it, or it could not be started. */
  readonly exitCode: number | null
  readonly signal: string | null
  /** Why it could not be started. */
  readonly problem?: string
}

export interface Executor {
  /** For people: `this computer`, `container bringup-nrk`. */
  readonly name: string
  /** Those of the named programs that are not there. Programs with a slash in their name are not looked for. */
  missing(programs: readonly string[]): Promise<readonly string[]>
  /**
   * Runs one command to its end. Standard input is empty. Aborting ends the command and everything that it started; it
   * resolves all the same. Never rejects.
   */
  run(
    command: ExecutorCommand,
    control: { readonly onOutput: (chunk: Buffer) => void; readonly signal: AbortSignal },
  ): Promise<CommandEnd>
}

/** Name of the executor of this computer. */
export const LOCAL = 'this computer'

/** From SIGTERM to SIGKILL. Time enough for make and cargo to delete half-written files. */
const GRACE_MS = 2000

/**
 * Runs commands on this computer. Each is a process group of its own, which dies with bringup.
 *
 * @param reaper Path of the reaper (`src/processes/reaper.ts`): with it nothing that a command starts outlives bringup.
 */
export function localExecutor(guardian: Guardian, reaper?: string): Executor {
  return {
    name: LOCAL,
    missing: async (programs) => programs.filter((p) => !p.includes('/') && findProgram(p) === undefined),
    run: ({ argv, cwd, env }, { onOutput, signal }) =>
      new Promise((resolve) => {
        if (signal.aborted) return resolve({ exitCode: null, signal: 'SIGTERM' })
        const [program, ...before] =
          reaper === undefined ? ['setpriv', '--pdeathsig', 'KILL', '--'] : [reaper, `${process.pid}`]
        const child = spawn(program ?? '', [...before, ...argv], {
          cwd,
          env: { ...environment(env), ...guardian.environment },
          stdio: ['ignore', 'pipe', 'pipe'],
          detached: true,
        })
        const group = child.pid
        // A reaper ends by itself, after all that it is there for.
        const isWatched = group !== undefined && reaper === undefined
        if (isWatched) guardian.watch(group)
        child.stdout.on('data', onOutput)
        child.stderr.on('data', onOutput)
        let killer: NodeJS.Timeout | undefined
        const kill = () => (reaper === undefined ? killGroup(group, 'SIGKILL') : child.kill('SIGUSR1'))
        const end = () => {
          if (reaper === undefined) killGroup(group, 'SIGTERM')
          else child.kill('SIGTERM')
          killer = setTimeout(kill, GRACE_MS)
        }
        signal.addEventListener('abort', end, { once: true })
        const finish = (result: CommandEnd) => {
          signal.removeEventListener('abort', end)
          clearTimeout(killer)
          if (isWatched) guardian.release(group)
          resolve(result)
        }
        child.once('error', (error) => finish({ exitCode: null, signal: null, problem: error.message }))
        child.once('close', (exitCode, killedBy) => {
          // What a tool that was stopped has left running would go on writing.
          if (exitCode !== 0 && reaper === undefined) killGroup(group, 'SIGKILL')
          finish({ exitCode, signal: killedBy })
        })
      }),
  }
}

/** The group may be empty already. */
function killGroup(group: number | undefined, signal: NodeJS.Signals): void {
  if (group === undefined) return
  try {
    process.kill(-group, signal)
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** What `missing` finds can be run. */
function environment(changes: ExecutorCommand['env']): NodeJS.ProcessEnv {
  const env: NodeJS.ProcessEnv = { ...process.env, PATH: programFolders().join(delimiter) }
  for (const [name, value] of Object.entries(changes)) {
    if (value === null) delete env[name]
    else env[name] = value
  }
  return env
}
