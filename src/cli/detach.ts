/** `run -d`: the run continues in its own process, which ends with it. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { closeSync, openSync, readFileSync, renameSync, rmSync } from 'node:fs'
import { Socket } from 'node:net'
import { join } from 'node:path'
import type { Readable } from 'node:stream'
import * as z from 'zod'
import { EXIT_CODES } from '../guest/verdict.ts'
import { makeFolder, OWN_FILE } from '../own-files.ts'
import { randomDigits } from '../random-name.ts'
import { serveRun } from '../runs/control-server.ts'
import type { Run } from '../runs/run.ts'
import type { Output } from './output.ts'

const startedSchema = z.strictObject({ id: z.string(), folder: z.string() })

/** Descriptor on which the process that owns the run says that it has started. */
const STARTED_FD = 3

/**
 * Starts this command line again in a process of its own, without `-d`, and returns once its guests run. What that
 * process prints until then is printed here.
 */
export async function detach(
  argv: readonly string[],
  {
    stateFolder,
    output,
    signal,
  }: { readonly stateFolder: string; readonly output: Output; readonly signal: AbortSignal },
): Promise<number> {
  makeFolder(stateFolder)
  const log = join(stateFolder, `detached-${randomDigits(16)}.log`)
  const file = openSync(log, 'wx', OWN_FILE)
  const words = [process.argv[1] ?? '', ...supervised(argv, log)]
  const child = spawn(process.execPath, [...process.execArgv, ...words], {
    stdio: ['ignore', file, file, 'pipe'],
    // A session of its own: neither the terminal's Ctrl-C nor its end reaches it.
    detached: true,
  })
  closeSync(file)
  const exited = once(child, 'exit') as Promise<[number | null]>
  const interrupt = () => void child.kill('SIGTERM')
  signal.addEventListener('abort', interrupt, { once: true })
  const text = await readAll(child.stdio[STARTED_FD] as Readable)
  signal.removeEventListener('abort', interrupt)
  const started = startedSchema.safeParse(parseOr(text))
  if (!started.success) {
    const [status] = await exited
    const said = readFileSync(log, 'utf8')
    if (output.isJson) output.raw(said)
    else output.error(said.trimEnd())
    rmSync(log, { force: true })
    return status ?? EXIT_CODES.failed
  }
  child.unref()
  const said = readFileSync(superviseLog(started.data), 'utf8')
  if (said !== '') output.note(said.trimEnd())
  output.json(started.data)
  output.print(started.data.id)
  return EXIT_CODES.passed
}

/** The words after `run -d` for the process that owns the run. */
export function supervised(argv: readonly string[], log: string): readonly string[] {
  const dashes = argv.indexOf('--')
  const [own, rest] = dashes === -1 ? [argv, []] : [argv.slice(0, dashes), argv.slice(dashes)]
  return [...own.filter((word) => word !== '-d' && word !== '--detach'), `--supervise=${log}`, ...rest]
}

/** What the process that owns the run prints. */
const superviseLog = ({ folder }: { readonly folder: string }) => join(folder, 'supervisor.log')

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

/**
 * In the process that owns the run: opens its door, and reports to the process that waits that the first guests run.
 * The run ends where that process is killed before.
 */
export async function supervise(run: Run, log: string): Promise<void> {
  const waiting = new Socket({ fd: STARTED_FD })
  const keepLog = () => renameSync(log, superviseLog({ folder: run.folder.path }))
  const close = () => {
    keepLog()
    void run.close()
  }
  // A killed process closes its end.
  waiting
    .on('error', () => {})
    .once('close', close)
    .resume()
  await serveRun(run)
  const first = run.plan.guests.filter(({ after }) => after.length === 0)
  const isRunning = await Promise.all(first.map(({ guest }) => run.guest(guest))).then(
    () => true,
    () => false,
  )
  if (waiting.destroyed) return
  waiting.off('close', close).unref()
  // The process that waits reads the log where it is, and deletes it.
  if (!isRunning) return void waiting.destroy()
  keepLog()
  waiting.end(JSON.stringify({ id: run.folder.id, folder: run.folder.path }))
}
