import type { RunCommand } from '../runs/record.ts'

/** The command line as the user typed it, without the word that `run -d` adds for the process that owns the run. */
export function typedCommand(words: readonly string[], folder: string): RunCommand {
  const dashes = words.indexOf('--')
  const own = dashes === -1 ? words : words.slice(0, dashes)
  return {
    argv: [
      'bringup',
      ...own.map((word) => (word.startsWith('--supervise=') ? '--detach' : word)),
      ...words.slice(own.length),
    ],
    folder,
  }
}
