#!/usr/bin/env node
/** The process `bringup`: answers simple options at once, turns signals into an AbortSignal, sets the exit code. */
import { setMaxListeners } from 'node:events'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { startReadingLocks } from '../host/file-locks.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import { loadProgram } from './load-program.ts'
import type * as Program from './main.ts'
import { surviveLostOutput } from './standard-streams.ts'

const argv = process.argv.slice(2)
/** Node and the pipes to QEMU need about thirty; with fewer, calls fail with unclear errors. */
const LEAST_OPEN_FILES = 64
/** Put in by `scripts/bundle.mjs`. */
declare const BRINGUP_VERSION: string

surviveLostOutput(process, (listener) => process.once('exit', listener))
if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${BRINGUP_VERSION}\n`)
} else if (openFilesAllowed() < LEAST_OPEN_FILES) {
  process.stderr.write(
    `error HOST_LIMIT\n  only ${openFilesAllowed()} open files are allowed\n  remedy ulimit -n 1024\n`,
  )
  process.exitCode = 2
} else {
  nameProcess('bringup')
  const file = join(PACKAGE_FOLDER, 'dist/cli/main.js')
  const use = /^[a-z]{1,20}$/.exec(argv[0] ?? '')?.[0] ?? 'other'
  // Reading locks takes longest, so it starts before the program is loaded.
  const locks = use === 'run' || use === 'plan' ? startReadingLocks() : undefined
  const { main } = loadProgram(file, join(cacheFolder(), 'code'), use) as typeof Program
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

/** The soft limit of open files (getrlimit(2)), where the kernel reports it. */
function openFilesAllowed(): number {
  try {
    const [, soft = ''] = /^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1')) ?? []
    return soft === '' ? Number.POSITIVE_INFINITY : Number(soft)
  } catch {
    return Number.POSITIVE_INFINITY
  }
}

/** The name in ps, top and messages about locks. `process.title` would overwrite the arguments. */
function nameProcess(name: string): void {
  try {
    writeFileSync('/proc/self/comm', name)
  } catch {
    // No such file here: it is called node then.
  }
}

/** A terminal without a known size reports 0 columns. */
function giveSize(stream: NodeJS.WriteStream): NodeJS.WriteStream {
  return stream.isTTY && stream.columns === 0 ? Object.assign(stream, { columns: 80, rows: 24 }) : stream
}

/** The first signal ends runs in order, so that they are recorded; the second one exits at once. */
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
