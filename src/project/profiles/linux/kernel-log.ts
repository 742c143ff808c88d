/** The kernel's log as lines, from its records (`/dev/kmsg`) or from a console. Pure. */

/** A line of the kernel's own. */
export interface KernelLine {
  readonly text: string
  /** Seconds since the boot; undefined where the console shows no times. */
  readonly seconds?: number
}

/**
 * Records of `/dev/kmsg` (Documentation/ABI/testing/dev-kmsg): `priority,sequence,microseconds,flags;text`, and
 * lines that begin with a blank for the record's keys. What programs have written there has another facility than 0.
 */
export function linesOfRecords(records: string): readonly KernelLine[] {
  return records.split('\n').flatMap((record) => {
    const [, priority, micros, text = ''] = /^(\d+),\d+,(\d+),[^;]*;(.*)$/s.exec(record) ?? []
    if (priority === undefined || Number(priority) >> 3 !== 0) return []
    const seconds = Number(micros) / 1e6
    return withoutEscapes(text)
      .split('\n')
      .map((line) => ({ text: clean(line), seconds }))
  })
}

/** `\x0a` within a record: the kernel escapes what cannot be printed. */
function withoutEscapes(text: string): string {
  return text.replace(/\\x([0-9a-f]{2})/g, (_, hex: string) => String.fromCharCode(Number.parseInt(hex, 16)))
}

/** `[    1.234567]`, perhaps after a level and before a caller: what tells the kernel's lines from a program's. */
const STAMP = /^(?:<\d{1,3}>)?\[ *(\d+)\.(\d{6})\](?:\[ *[TC]\d+\])? ?/

/** Lines of a console that carry the kernel's time stamp; a program's output has none. */
export function linesOfConsole(text: string): readonly KernelLine[] {
  return text.split('\n').flatMap((raw) => {
    const line = clean(raw)
    const [stamp, whole, micros] = STAMP.exec(line) ?? []
    return stamp === undefined
      ? []
      : [{ text: line.slice(stamp.length), seconds: Number(`${whole}.${micros}`) }]
  })
}

/** Without colours, cursor movements and carriage returns. */
function clean(line: string): string {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: they are what is to be taken out
  return line.replace(/\x1b\[[0-9;?]*[A-Za-z]|\x1b[()][A-Z0-9]|\r/g, '')
}
