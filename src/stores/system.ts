/** The operating system's refusals are the user's to fix, not bugs. */
import { type Stats, statSync } from 'node:fs'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { problems } from './problems.ts'

/** @throws BringupError STORE_EXISTS, STORE_OPERATION_FAILED instead of the system's own errors */
export function told<T>(path: string, act: () => T): T {
  try {
    return act()
  } catch (cause) {
    const { code, message } = cause as NodeJS.ErrnoException
    if (code === undefined) throw cause
    const problem = code === 'EEXIST' ? exists(path) : problems.STORE_OPERATION_FAILED.at('', message)
    throw new BringupError([problem], { cause })
  }
}

/** Undefined when there is nothing at that path. */
export function statsOf(path: string): Stats | undefined {
  return told(path, () => statSync(path, { throwIfNoEntry: false }))
}

/**
 * Runs a program that writes a file.
 *
 * @throws BringupError STORE_EXISTS, STORE_OPERATION_FAILED with the program's last lines
 */
export async function runFor(
  path: string,
  argv: readonly string[],
  signal?: AbortSignal,
  environment: Readonly<Record<string, string>> = {},
): Promise<void> {
  const { execa } = await import('execa')
  const [program = '', ...args] = argv
  const result = await execa(program, args, {
    reject: false,
    env: { ...environment, LC_ALL: 'C' },
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  if (!result.failed) return
  if (/File exists/.test(result.stderr)) throw new BringupError([exists(path)])
  const evidence = result.stderr.split('\n').filter(Boolean).slice(0, 5)
  throw new BringupError([
    problems.STORE_OPERATION_FAILED.at('', `${path} could not be written`, { evidence }),
  ])
}

export function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() === true
}

export function exists(path: string): Diagnostic {
  return problems.STORE_EXISTS.at('', `there is a file ${path}`)
}
