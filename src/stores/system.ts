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

export function isFolder(path: string): boolean {
  return statsOf(path)?.isDirectory() === true
}

export function exists(path: string): Diagnostic {
  return problems.STORE_EXISTS.at('', `there is a file ${path}`)
}
