/** What guests print, in pieces as a pipe brings it: the console, its last lines, panics and kernel reports. */
import { PassThrough } from 'node:stream'
import fc from 'fast-check'
import { Console } from '../../src/guest/console.ts'
import { PANIC_PATTERNS } from '../../src/project/profiles/bare/panic-patterns.ts'
import { findReports } from '../../src/project/profiles/linux/kernel-reports.ts'

const PIECES = [
  '\u001b[6n',
  '\u001b]0;title\u0007',
  '\u001b[2J\u001b[H',
  '\u001bP+q544e\u001b\\',
  '\u009b6n',
  '\r',
  '\b\b\b',
  '\n',
  '\u202e',
  '\u0000',
  'panic: ',
  'Kernel panic - not syncing: ',
  'BUG: KASAN: ',
  '------------[ cut here ]------------\n',
  '[    1.234567] ',
  'x'.repeat(70_000),
]
const piece = fc.oneof(
  fc.constantFrom(...PIECES).map((text) => Buffer.from(text)),
  fc.string({ unit: 'binary', maxLength: 60 }).map((text) => Buffer.from(text)),
  fc.uint8Array({ maxLength: 60 }).map((bytes) => Buffer.from(bytes)),
)
export const arbitraryConsole = fc.array(piece, { maxLength: 40 })

const panics = PANIC_PATTERNS.map((source) => new RegExp(source))

/** What is shown of the console has no control characters; what waits for text ends. */
export async function tryConsole(pieces: readonly Buffer[]): Promise<void> {
  const output = new PassThrough()
  const console = new Console({ output })
  const lines: string[] = []
  console.onLine((line) => lines.push(line))
  const awaited = console.expect(/never (so|thus)+ printed$/, { timeoutMs: 600_000 }).catch(() => {})
  for (const bytes of pieces) output.write(bytes)
  output.end()
  await new Promise((resolve) => output.once('end', resolve))
  console.end(() => 'the guest ended')
  await awaited
  for (const line of console.tail()) mustBeVisible(line)
  for (const line of lines) for (const panic of panics) panic.test(line)
  findReports(lines.map((text, seconds) => ({ text, seconds })))
}

export function mustBeVisible(text: string): void {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what must not be there
  if (/[\u0000-\u0008\u000b-\u001f\u007f-\u009f]/.test(text))
    throw new Error(`a raw control character in ${JSON.stringify(text)}`)
}
