/** A small compiled program from which nothing that a command starts can get away: see `reaper.c`. */
import { join } from 'node:path'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { CompileError, compiled } from './compile.ts'

const FLAGS = ['-std=gnu11', '-O1', '-Wall', '-Wextra']

export interface ReaperContext {
  readonly cacheFolder: string
  readonly signal?: AbortSignal
}

/**
 * The program, compiled once. `reaper PID COMMAND…` runs a command in a process group of its own; SIGTERM is handed on to
 * that, SIGUSR1 kills the command and all that it has started, and so does the death of process PID.
 *
 * @returns its path; undefined without a C compiler
 */
export async function buildReaper({ cacheFolder, signal }: ReaperContext): Promise<string | undefined> {
  try {
    return await compiled({
      folder: join(PACKAGE_FOLDER, 'src/processes'),
      sources: ['reaper.c'],
      flags: FLAGS,
      cache: join(cacheFolder, 'reaper'),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (error instanceof CompileError) return undefined
    throw error
  }
}
