/** `run -d`: the run continues in its own process, which ends with it. */
import { spawn } from 'node:child_process'
import { closeSync, openSync, readFileSync, renameSync, rmSync, writeSync } from 'node:fs'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { randomDigits } from '../random-name.ts'
import { serveRun } from '../runs/control-server.ts'
import type { Run } from '../runs/run.ts'
import type { OptionSpec } from './command.ts'
import type { Output } from './output.ts'

export const DETACH_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '-d, --detach',
    description: 'start the run in the background; see `ps`, `logs`, `attach`, `exec`, `cp`, `stop`',
  },
  { flags: '--name <name>', description: 'name of the run, for those commands' },
  { flags: '--supervise', description: 'own the run for a `run -d`', isHidden: true },
]

/** A run that stays has no time-out unless one is given: a year. */
export const STAYS_MS = 365 * 24 * 60 * 60 * 1000

const startedSchema = z.strictObject({ id: z.string(), folder: z.string() })

/** Descriptor on which the process that owns the run says that it has started. */
const STARTED_FD = 3

/**
 * Starts this command line again in a process of its own, without `-d`, and returns once its guests run. What that
 * process says until then is said here.
 */
export async function detach(argv: readonly string[], stateFolder: string, output: Output): Promise<number> {
  makeFolder(stateFolder)
  const log = join(stateFolder, `detached-${randomDigits(16)}.log`)
  const file = openSync(log, 'wx', OWN_FILE)
  const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? '', ...supervised(argv)], {
    stdio: ['ignore', file, file, 'pipe'],
    // A session of its own: the terminal's Ctrl-C and its end are not for it.
    detached: true,
  })
  closeSync(file)
  const text = await readAll(child.stdio[STARTED_FD] as Readable)
  const said = readFileSync(log, 'utf8')
  const started = startedSchema.safeParse(parseOr(text))
  if (!started.success) {
    const status = await new Promise<number | null>((resolve) => {
      if (child.exitCode !== null) resolve(child.exitCode)
      else child.once('exit', resolve)
    })
    if (output.isJson) output.raw(said)
    else output.error(said.trimEnd())
    rmSync(log, { force: true })
    return status ?? 1
  }
  child.unref()
  const { id, folder } = started.data
  renameSync(log, join(folder, 'supervisor.log'))
  if (said !== '') output.note(said.trimEnd())
  output.json(started.data)
  output.print(id)
  return 0
}

/** The words after `run -d` for the process that owns the run. */
export function supervised(argv: readonly string[]): readonly string[] {
  const dashes = argv.indexOf('--')
  const [own, rest] = dashes === -1 ? [argv, []] : [argv.slice(0, dashes), argv.slice(dashes)]
  return [...own.filter((word) => word !== '-d' && word !== '--detach'), '--supervise', ...rest]
}

async function readAll(stream: Readable): Promise<string> {
  let text = ''
  for await (const chunk of stream.setEncoding('utf8')) text += chunk
  return text
}

function parseOr(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return undefined
  }
}

/** In the process that owns the run: opens its door, and tells who waits for it that its first guests run. */
export async function supervise(run: Run): Promise<void> {
  await serveRun(run)
  const first = run.plan.guests.filter(({ after }) => after.length === 0)
  const isRunning = await Promise.all(first.map(({ guest }) => run.guest(guest))).then(
    () => true,
    () => false,
  )
  if (isRunning) writeSync(STARTED_FD, JSON.stringify({ id: run.folder.id, folder: run.folder.path }))
  closeSync(STARTED_FD)
}
