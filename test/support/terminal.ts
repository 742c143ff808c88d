/** Runs bringup on a terminal of a given width. Source: script(1). */
import { fileURLToPath } from 'node:url'
import { stripVTControlCharacters } from 'node:util'
import { execa } from 'execa'
import { quoteCommand } from '../../src/quote.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

export interface TerminalRun {
  /** Lines as the program ended them: a terminal would break longer ones wherever they reach its edge. */
  readonly lines: readonly string[]
  readonly exitCode: number | undefined
}

/** What bringup prints on a terminal with so many columns. */
export async function onTerminal(
  argv: readonly string[],
  {
    columns,
    cwd,
    env = {},
  }: { readonly columns: number; readonly cwd: string; readonly env?: NodeJS.ProcessEnv },
): Promise<TerminalRun> {
  const command = quoteCommand([process.execPath, BIN, ...argv]).join(' ')
  const { stdout, exitCode } = await execa(
    'script',
    ['--quiet', '--return', '--command', `stty columns ${columns} rows 24; ${command}`, '/dev/null'],
    { cwd, env: { ...env, TERM: 'xterm' }, stdin: 'ignore', reject: false },
  )
  return { lines: screenOf(stdout), exitCode }
}

/** Without colours; of a line that is written over, what stands there last. */
function screenOf(text: string): readonly string[] {
  return stripVTControlCharacters(text.replaceAll('\r\n', '\n'))
    .split('\n')
    .map((line) => line.replace(/\r+$/, ''))
    .map((line) => line.slice(line.lastIndexOf('\r') + 1))
}
