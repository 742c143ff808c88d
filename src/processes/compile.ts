/** Small C programs that bringup brings as source: compiled where they are needed, once per content. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fill } from './fill.ts'

export interface CompileRequest {
  /** Folder of the sources; the compiler runs in it. */
  readonly folder: string
  /** Names of the files that are compiled, in order. */
  readonly sources: readonly string[]
  /** Other files that the result depends on, such as headers. */
  readonly headers?: readonly string[]
  readonly flags: readonly string[]
  /** Folder of the cache that the program is kept in. */
  readonly cache: string
  readonly signal?: AbortSignal
}

/** Why a program could not be compiled. */
export class CompileError extends Error {
  override readonly name = 'CompileError'
  /** There is no such compiler. */
  readonly isMissing: boolean
  /** The end of what the compiler said. */
  readonly evidence: readonly string[]

  constructor(message: string, isMissing: boolean, evidence: readonly string[]) {
    super(message)
    this.isMissing = isMissing
    this.evidence = evidence
  }
}

const EVIDENCE_LINES = 30

/** `$CC`, else `cc`. */
export const compilerName = () => process.env.CC ?? 'cc'

/** Hash of all that a program is made from. */
export function contentOf({ folder, sources, headers = [], flags }: Omit<CompileRequest, 'cache'>): string {
  const hash = createHash('sha256').update(JSON.stringify([compilerName(), flags]))
  for (const name of [...sources, ...headers])
    hash.update(`\0${name}\0`).update(readFileSync(join(folder, name)))
  return hash.digest('hex').slice(0, 32)
}

/**
 * The program, compiled unless it is there already. One process compiles it; others that need it wait.
 *
 * @returns its path
 * @throws CompileError; BringupError CACHE_UNUSABLE; the signal's reason
 */
export async function compiled(request: CompileRequest): Promise<string> {
  const path = join(request.cache, contentOf(request))
  const { signal } = request
  await fill({
    path,
    ...(signal ? { signal } : {}),
    make: (partial, environment) => compile(request, partial, environment),
  })
  return path
}

async function compile(
  { folder, sources, flags, signal }: CompileRequest,
  partial: string,
  environment: Readonly<Record<string, string>>,
): Promise<void> {
  const compiler = compilerName()
  // Loaded here: a run whose helpers are compiled does not need it.
  const { execa } = await import('execa')
  const result = await execa(compiler, [...flags, '-o', partial, ...sources], {
    cwd: folder,
    reject: false,
    env: environment,
    ...(signal ? { cancelSignal: signal } : {}),
  })
  signal?.throwIfAborted()
  if (!result.failed) return
  const lines = (result.stderr ?? '').split('\n')
  if (result.code === 'ENOENT') throw new CompileError(`there is no "${compiler}" in PATH`, true, [])
  const what =
    lines.find((line) => /error/.test(line)) ??
    `${compiler} ended with ${result.exitCode ?? result.signal ?? result.code}`
  throw new CompileError(what, false, lines.slice(-EVIDENCE_LINES))
}
