/** What git says while it works (`--progress`), and what of that is news. */

export interface GitProgress {
  /** `Receiving objects`, `Checking out files`. */
  readonly phase: string
  /** 0 to 100; absent where git only counts. */
  readonly percent?: number
  /** `12.3 MiB | 4.5 MiB/s`. */
  readonly detail?: string
}

/** One line of git's progress; undefined for every other line. Source: progress.c of git. */
export function parseProgress(line: string): GitProgress | undefined {
  const found =
    /^(?:remote: )?(?<phase>[A-Z][A-Za-z ]+): +(?:(?<percent>\d{1,3})% \(\d+\/\d+\)|\d+)(?:, (?<detail>\d[^,]*?))?(?:, done\.)?\s*$/.exec(
      line,
    )?.groups
  if (!found?.phase) return undefined
  return {
    phase: found.phase,
    ...(found.percent === undefined ? {} : { percent: Number(found.percent) }),
    ...(found.detail === undefined ? {} : { detail: found.detail }),
  }
}

/** Cuts a stream into lines, at line feeds as well as at the carriage returns by which progress overwrites itself. */
export function lineCutter(onLine: (line: string) => void): { push(text: string): void; end(): void } {
  let open = ''
  return {
    push(text) {
      const parts = (open + text).split(/[\r\n]+/)
      open = parts.pop() ?? ''
      for (const part of parts) if (part !== '') onLine(part)
    },
    end() {
      if (open !== '') onLine(open)
      open = ''
    },
  }
}
