/** What ninja says while it builds: how far it is, and which command failed with which words. */

/** Progress in the form of `NINJA_STATUS`, set here so that a user's own setting does not hide it. */
export const NINJA_STATUS = '[%f/%t] '

export interface NinjaProgress {
  readonly done: number
  readonly total: number
  /** `Compiling C object qemu-img.p/qemu-img.c.o`. */
  readonly what: string
}

/** A command that failed. */
export interface NinjaFailure {
  /** File that it was to make. */
  readonly output: string
  readonly command: string
  /** What the command said: the compiler's lines. */
  readonly lines: readonly string[]
}

const PROGRESS = /^\[(\d+)\/(\d+)\] (.*)$/
/** Ninja 1.12 and newer add the exit code: `FAILED: [code=1] file`. */
const FAILED = /^FAILED: (?:\[code=\d+\] )?(.*?)\s*$/

/** Undefined for a line that is no progress. */
export function progressIn(line: string): NinjaProgress | undefined {
  const [, done, total, what = ''] = PROGRESS.exec(line) ?? []
  return done === undefined ? undefined : { done: Number(done), total: Number(total), what }
}

/** Every failed command in the output of ninja, in order. */
export function failuresIn(lines: readonly string[]): readonly NinjaFailure[] {
  return lines.flatMap((line, index) => {
    const output = FAILED.exec(line)?.[1]
    if (output === undefined) return []
    const rest = lines.slice(index + 1)
    const end = rest.findIndex((l) => PROGRESS.test(l) || FAILED.test(l) || l.startsWith('ninja: '))
    const [command = '', ...said] = end === -1 ? rest : rest.slice(0, end)
    return [{ output, command, lines: said.filter((l) => l.trim() !== '') }]
  })
}
