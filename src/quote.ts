/** Quotes an argv so that a person can paste it into a POSIX shell. bringup itself never hands it to one. */
export function quoteCommand(argv: readonly string[]): readonly string[] {
  return argv.map((word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", "'\\''")}'`))
}
