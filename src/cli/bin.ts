#!/usr/bin/env node
/** The process `bringup`: what can be answered at once is; signals become one AbortSignal; the exit code is set once. */
import { setMaxListeners } from 'node:events'
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startReadingLocks } from '../host/file-locks.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import { loadProgram } from './load-program.ts'
import type * as Program from './main.ts'
import { surviveLostOutput } from './standard-streams.ts'

const argv = process.argv.slice(2)
/** Put in by `scripts/bundle.mjs`. */
declare const BRINGUP_VERSION: string

surviveLostOutput(process, (listener) => process.once('exit', listener))
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${BRINGUP_VERSION}\n`)
} else {
  nameProcess('bringup')
  const file = join(PACKAGE_FOLDER, 'dist/cli/main.js')
  const use = /^[a-z]{1,20}$/.exec(argv[0] ?? '')?.[0] ?? 'other'
  // What takes the kernel longest to tell is asked for before the program is loaded.
  const locks = use === 'run' || use === 'plan' ? startReadingLocks() : undefined
  const { main } = load(file, use)
  void main(argv, {
    stdout: giveSize(process.stdout),
    stderr: giveSize(process.stderr),
    env: process.env,
    cwd: process.cwd(),
    signal: abortOnSignals(),
    version: BRINGUP_VERSION,
    ...(locks ? { locks } : {}),
  }).then((exitCode) => {
    process.exitCode = exitCode
  })
}

/** With too few open files allowed, the program itself cannot be read, nor its own messages. */
function load(file: string, use: string): typeof Program {
  try {
    return loadProgram(file, join(cacheFolder(), 'code'), use) as typeof Program
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EMFILE') throw error
    process.stderr.write(
      'error HOST_LIMIT\n  too many open files\n  remedy raise the limit: ulimit -n 1024\n',
    )
    process.exit(2)
  }
}

/** As ps, top and messages about locks name it; the arguments stay, which `process.title` would overwrite. */
function nameProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name)
  } catch {
    // No such file here: it is called node then.
  }
}

/** A terminal that has not been told its size says 0 columns, and every letter would be on a line of its own. */
function giveSize(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.isTTY && stream.columns === 0 ? Object.assign(stream, { columns: 80, rows: 24 }) : stream
}

/** The first signal asks for an end, so that runs are recorded; the second one is obeyed at once. */
function abortOnSignals(): AbortSignal {
  const controller = new AbortController()
  // Many compilers and guests may wait for it at once; that is no leak.
  setMaxListeners(0, controller.signal)
  const numbers = { SIGHUP: 1, SIGINT: 2, SIGTERM: 15 }
  for (const [name, number] of Object.entries(numbers)) {
    process.on(name, () => {
      if (controller.signal.aborted) process.exit(128 + number)
      controller.abort()
    })
  }
  return controller.signal
}
