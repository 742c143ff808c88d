/**
 * How kernels say that they have given up. Regular expressions as text, since they are part of a plan. Decided from the
 * lines in `panic-lines.json` (what kernels print) and `quiet-lines.json` (ordinary logs that speak of panics).
 */

/** Case does not matter in these words; JavaScript has no flag inside of an expression. */
const anyCase = (text: string) => text.replace(/[a-z]/g, (letter) => `[${letter}${letter.toUpperCase()}]`)

/**
 * What stands before the word at the beginning of a line: colours, times, log levels, CPUs, rules of stars. A text can be
 * read in one way only as a series of these, so that matching takes linear time.
 */
const DECORATION = [
  '^(?:',
  // ESC is \x1b: colours and cursor moves.
  '\\x1b\\[[0-9;?]*[A-Za-z]',
  '|[\\s*#=!>|:/\\\\~-]',
  // A tag: `[    1.234567]`, `<0>`, `(XEN)`, `{cpu0}`.
  '|\\[[^\\[\\]]{0,80}\\]|<[^<>]{0,40}>|\\([^()]{0,40}\\)|\\{[^{}]{0,40}\\}',
  // `12.345: `, `00000:00000> `.
  '|\\d[\\d.,:]*[\\s>]',
  // A CPU: `cpu 1: `, `lapicid 0: `, `cpu0 `.
  `|${anyCase('(?:cpu|lapicid|core|hart)')}(?:[ #]\\d+:?|\\d+)\\s`,
  // A level: `FATAL `, `kernel `.
  `|${anyCase('(?:kernel|fatal|crit|critical|error|emerg|emergency)')}\\s(?!${anyCase('panic')})`,
  // A module: `thor: `, `rs(2): `, `kernel::panic - `, `kernel::panic:INFO -- `.
  '|[A-Za-z_]\\w*(?:(?:\\(\\d+\\))?:|(?:::\\w+)+(?::\\w+)?\\s--?)\\s',
  ')*',
].join('')

/** What follows the word where it is the news, and not the name of a setting, a handler or a test. */
const AS_NEWS = '(?:\\s*$|\\s*[:!(\\[{]|\\s*[.,](?:\\s|$)|\\s+(?:-+|[*=#]{3,})(?:\\s|$)|\\x1b)'

/**
 * Regular expressions, as text, of console lines that mean a crash: those of the profile `bare`.
 *
 * @example
 * PANIC_PATTERNS.some((pattern) => new RegExp(pattern).test('panic: no init')) // true
 */
export const PANIC_PATTERNS: readonly string[] = [
  `${DECORATION}${anyCase('(?:pre|zircon |riot )?kernel panic')}(?:${AS_NEWS}|\\s+${anyCase('(?:at|in|on cpu|from|due to|recursion|because|occurred)')}\\b)`,
  `${DECORATION}(?:${anyCase('(?:system |user |bootloader |assert )?panic')})${AS_NEWS}(?!\\s*(?:-?\\d+\\s*(?:s|sec|seconds|ms)?\\s*$|(?:[oO][nN]|[oO][fF][fF]|yes|no|none|disabled|enabled|registered|installed|ready|ok|OK)\\b))`,
  // `panic[cpu0]/thread=…`, `panic(cpu 0 caller 0x…)`, `[PANIC] at file:1`, `PANIC Unhandled fault`, `PANIC (CPU 0)`.
  `${DECORATION}${anyCase('panic')}\\s*[\\[({]${anyCase('\\s*(?:cpu|caller)')}`,
  `^(?:\\x1b\\[[0-9;?]*[A-Za-z]|\\s|\\[[^\\[\\]]{0,80}\\])*\\[PANIC\\]`,
  `${DECORATION}PANIC\\s+(?!(?:TIMEOUT|HANDLER|TEST|MODE|ON|OFF)\\b)[A-Za-z"'\`(].*`,
  `${DECORATION}[Pp]anicked at(?:\\s|$)`,
  // Within a line only with a place in the source.
  `\\b[Pp]anicked at '|\\b[Pp]anicked at "?[\\w./-]+:\\d+`,
  `\\b[Ss]ystem panic encountered\\b|\\bUncaught panic:`,
  `${DECORATION}${anyCase('(?:kernel )?assert(?:ion)?[ _]fail(?:ed|ure)?')}(?:${AS_NEWS}|\\s+(?:at|in|@|panic)\\b|\\s+["'\`]|\\.)`,
  `${DECORATION}seL4 failed assertion |\\bFAILED ASSERTION\\b|^ASSERT \\[\\w+\\] \\S+\\(\\d+\\): `,
  `${DECORATION}(?:\\w+ )?(?:\\w+ )?${anyCase('assertion')}\\s+["'\`(<].*["'\`)>],? ${anyCase('failed')}`,
  `\\bassertion failed at function:`,
  `${DECORATION}${anyCase('(?:fatal )?assertion')}\\s+\\S.* failed at \\S+:\\d+`,
  `${DECORATION}(?:Fatal trap \\d+:|kernel: page fault trap,|BAD TRAP:|\\w+ DATA ABORT!|Fatal System Error:|STOP: 0x[0-9A-Fa-f]+)`,
  `${DECORATION}X64 Exception Type - `,
  // Of small kernels: `Unhandled exception 13`, `Double Fault Exception. System Halted!`
  `${DECORATION}${anyCase('unhandled (?:[a-z]+ )?exception')}(?:${AS_NEWS}|\\s+(?:\\d|0x|in kernel|with|at|on)|\\s*[-#])`,
  `\\bException[.!:,]? ${anyCase('system halted')}`,
  `\\b(?:ZEPHYR FATAL ERROR|Unikraft crash\\b|Welcome to Kernel Debugging Land|page fault outside application, addr)`,
  `${DECORATION}FATAL \\*{3}|^fatal source: \\d+ \\(`,
  `^(?:<\\d+>)?(?:\\[[^\\]]{0,40}\\]\\s*)*(?:---\\[ end Kernel panic|Oops: |kernel BUG at |BUG: unable to handle |Xen BUG at )|\\) Xen BUG at |\\) Panic on CPU `,
  `\\bStopped at\\s+panic\\b|^\\s*seL4 called fail at |\\bUNHANDLED EXCEPTION\\b|\\bTriple fault!`,
]
