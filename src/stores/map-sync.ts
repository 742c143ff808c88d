/** Whether a file can be mapped synchronously (MAP_SYNC), asked of the kernel by a small compiled program. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { Facts, FileFact, MapSync } from '../machine/facts.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { compiled } from '../processes/compile.ts'

const FLAGS = ['-std=gnu11', '-O1', '-Wall', '-Wextra']

/** Where it is built, and for whom. */
export interface HelperContext {
  readonly cacheFolder: string
  readonly signal?: AbortSignal
  /** Needs no library where it runs: for another system than this. */
  readonly isStatic?: boolean
}

/**
 * The program, built once per content of its source and compiler.
 *
 * @returns its path, or why it is missing
 */
export async function buildMapSync({
  cacheFolder,
  signal,
  isStatic = false,
}: HelperContext): Promise<{ readonly path: string } | { readonly problem: string }> {
  try {
    const path = await compiled({
      folder: join(PACKAGE_FOLDER, 'src/stores'),
      sources: ['map-sync.c'],
      flags: [...FLAGS, ...(isStatic ? ['-static'] : [])],
      cache: join(cacheFolder, 'map-sync'),
      ...(signal ? { signal } : {}),
    })
    return { path }
  } catch (error) {
    signal?.throwIfAborted()
    return { problem: (error as Error).message }
  }
}

/**
 * The kernel's answer for one path: the file itself, or a new one in its folder if it does not exist.
 *
 * @param bytes length of the mapping: a page, or the alignment of a DAX device
 * @returns undefined when it could not be asked; `problem` says why
 */
export async function askMapSync(
  path: string,
  bytes: number,
  context: HelperContext,
): Promise<MapSync | { readonly problem: string }> {
  const helper = await buildMapSync(context)
  if ('problem' in helper) return helper
  const { execa } = await import('execa')
  const { stdout } = await execa(helper.path, [path, `${bytes}`], {
    reject: false,
    ...(context.signal ? { cancelSignal: context.signal } : {}),
  })
  context.signal?.throwIfAborted()
  return parseMapSync(stdout ?? '')
}

const PAGE = 4096

/**
 * The same facts, with the kernel's word on MAP_SYNC for every file that could be given it.
 *
 * @param asksAll also for files on disks that are no memory, so that the refusal is the kernel's own
 */
export async function withMapSync(facts: Facts, context: HelperContext, asksAll = false): Promise<Facts> {
  const files = await Promise.all(
    [...facts.files].map(async ([path, fact]) => {
      const isStore = fact.kind === 'file' || fact.kind === 'missing' || fact.kind === 'character-device'
      if (!isStore || !(asksAll || fact.mayBeDax)) return [path, fact] as const
      const answer = await askMapSync(somewhereIn(path, fact), fact.daxDevice?.align ?? PAGE, context)
      const told = 'problem' in answer ? { mapSyncProblem: answer.problem } : { mapSync: answer }
      return [path, { ...fact, ...told }] as const
    }),
  )
  return { ...facts, files: new Map(files) }
}

/** For a file whose folder is not there yet, one in the nearest folder above. */
function somewhereIn(path: string, fact: FileFact): string {
  if (fact.kind !== 'missing' || existsSync(dirname(path))) return path
  return somewhereIn(dirname(path), fact)
}

/** What the program says. */
export function parseMapSync(text: string): MapSync | { readonly problem: string } {
  const [, word, reason = ''] = /^(granted|refused|failed)(?:: (.*))?$/m.exec(text) ?? []
  if (word === 'granted') return { isGranted: true, reason: 'the kernel granted MAP_SYNC' }
  if (word === 'refused') return { isGranted: false, reason }
  return { problem: reason === '' ? 'the test program did not answer' : reason }
}
