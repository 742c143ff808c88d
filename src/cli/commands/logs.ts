/** `bringup logs`: what guests and their commands have printed. */
import { existsSync, watch } from 'node:fs'
import { open } from 'node:fs/promises'
import { logLine } from '../../guest-text.ts'
import { LineSplitter } from '../../line-splitter.ts'
import { commandLog } from '../../runs/command-log.ts'
import { findGuest, findRun, folderOfGuest, listRuns, type RunFolder, readRun } from '../../runs/record.ts'
import type { Command } from '../command.ts'
import { RUN_OPTION } from '../find-guest.ts'
import { guestPrefix } from '../follow-rack.ts'
import type { Output } from '../output.ts'

export const command: Command = {
  summary: 'print what the guests of a run have printed',
  description: 'The console of each guest and the output of its command, as a screen would show them.',
  arguments: [{ name: '[guest]', description: 'name of one guest, or of a run (default: all guests)' }],
  options: [{ flags: '-f, --follow', description: 'follow until the run has ended' }, RUN_OPTION],
  examples: [
    { command: 'bringup logs -f', says: 'all guests of the newest run, as they print' },
    { command: 'bringup logs server --run db', says: 'one guest of the run called db' },
  ],
  run: async ({ args, options, output, project, signal }) => {
    const { stateFolder } = await project()
    const { run, guest } = named(stateFolder, { word: args[0], run: options.run })
    const { guests } = readRun(run).summary
    const wanted = guest === undefined ? guests : [findGuest(run, guest).name]
    await printLogs(run, wanted, output, options.follow === true ? signal : undefined)
    return 0
  },
}

/** The newest running run, else the newest one. The word is one of its guests, or else the name of a run. */
function named(
  stateFolder: string,
  { word, run }: { readonly word: string | undefined; readonly run: unknown },
): { readonly run: RunFolder; readonly guest?: string | undefined } {
  if (typeof run === 'string') return { run: findRun(stateFolder, run), guest: word }
  const runs = listRuns(stateFolder)
  const newest = runs.findLast(({ verdict }) => verdict === 'running') ?? runs.at(-1)
  const isGuest = word === undefined || newest?.guests.includes(word) === true
  if (!isGuest && runs.some(({ label }) => label === word)) return { run: findRun(stateFolder, word) }
  return { run: findRun(stateFolder, newest?.id ?? 'last'), guest: word }
}

/** With a signal until the run has ended, or the signal is given. */
async function printLogs(
  run: RunFolder,
  guests: readonly string[],
  output: Output,
  follow: AbortSignal | undefined,
): Promise<void> {
  const logs = guests.flatMap((guest) => {
    const folder = folderOfGuest(run, guest)
    const prefix = guests.length === 1 ? '' : guestPrefix(guests, guest, output.colors)
    return [folder.consoleLog, commandLog(folder)].map((path) => new LogReader(path, prefix, output))
  })
  const printAll = async () => {
    for (const log of logs) await log.read()
  }
  const isOver = () => readRun(run).summary.verdict !== 'running'
  await printAll()
  if (follow) await untilOver(run, { isOver, onChange: printAll, signal: follow })
  for (const log of logs) log.end()
}

/** Time after which the owner of the run is checked: it may have been killed. */
const LOOK_MS = 1000

/** Files of the run change when a guest prints. */
async function untilOver(
  run: RunFolder,
  { isOver, onChange, signal }: { isOver: () => boolean; onChange: () => Promise<void>; signal: AbortSignal },
): Promise<void> {
  await new Promise<void>((resolve) => {
    let last = Promise.resolve()
    const look = () => {
      const over = signal.aborted || isOver()
      last = last.then(onChange).then(() => {
        if (over) end()
      })
    }
    const watcher = watch(run.path, { recursive: true }, look)
    const timer = setInterval(look, LOOK_MS)
    const end = () => {
      watcher.close()
      clearInterval(timer)
      signal.removeEventListener('abort', look)
      resolve()
    }
    signal.addEventListener('abort', look)
    look()
  })
}

/** Prints what was added to a file since the last look. */
class LogReader {
  readonly #path: string
  readonly #lines: LineSplitter
  #from = 0

  constructor(path: string, prefix: string, output: Output) {
    this.#path = path
    this.#lines = new LineSplitter((line) => {
      for (const shown of logLine(line).split('\n')) output.print(`${prefix}${shown}`)
    })
  }

  async read(): Promise<void> {
    if (!existsSync(this.#path)) return
    const file = await open(this.#path, 'r')
    try {
      for await (const chunk of file.createReadStream({ start: this.#from, autoClose: false })) {
        this.#from += (chunk as Buffer).length
        this.#lines.take(chunk as Buffer)
      }
    } finally {
      await file.close()
    }
  }

  end(): void {
    this.#lines.end()
  }
}
