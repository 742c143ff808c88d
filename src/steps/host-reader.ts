/** What a step may look at: files, and the answers of programs that change nothing. */
import { lstatSync, readdirSync, readFileSync, readlinkSync, type Stats } from 'node:fs'

export interface ReadOutput {
  readonly stdout: string
  readonly stderr: string
  /** Null when a signal ended it, or when there is no such program. */
  readonly exitCode: number | null
  readonly isMissing: boolean
}

export interface HostReader {
  readonly signal: AbortSignal
  /** Content of a file; undefined if it does not exist. Throws when it may not be read. */
  read(path: string): Buffer | undefined
  stat(path: string): Stats | undefined
  readlink(path: string): string | undefined
  /** Names in a folder; undefined if it does not exist. */
  list(path: string): readonly string[] | undefined
  /**
   * Asks a program that changes nothing. Never as root, with LC_ALL=C.
   *
   * @param options.timeoutMs Default 60,000; the exit code is then null.
   */
  ask(
    argv: readonly string[],
    options?: { readonly env?: Readonly<Record<string, string>>; readonly timeoutMs?: number },
  ): Promise<ReadOutput>
}

const ASK_TIMEOUT_MS = 60_000

export function createHostReader(signal: AbortSignal): HostReader {
  return {
    signal,
    read: (path) => ifThere(() => readFileSync(path)),
    stat: (path) => ifThere(() => lstatSync(path)),
    list: (path) => ifThere(() => readdirSync(path)),
    readlink: (path) => ifThere(() => readlinkSync(path)),
    async ask(argv, { env, timeoutMs = ASK_TIMEOUT_MS } = {}) {
      const { execa } = await import('execa')
      const [program = '', ...args] = argv
      const result = await execa(program, args, {
        env: { LC_ALL: 'C', ...env },
        reject: false,
        cancelSignal: signal,
        stdin: 'ignore',
        timeout: timeoutMs,
      })
      signal.throwIfAborted()
      return {
        stdout: result.stdout ?? '',
        stderr: result.stderr ?? '',
        exitCode: result.exitCode ?? null,
        isMissing: result.code === 'ENOENT',
      }
    },
  }
}

function ifThere<T>(read: () => T): T | undefined {
  try {
    return read()
  } catch (error) {
    if (['ENOENT', 'ENOTDIR'].includes((error as NodeJS.ErrnoException).code ?? '')) return undefined
    throw error
  }
}
