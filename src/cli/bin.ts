#!/usr/bin/env node
/** The process `bringup`: what can be answered at once is; signals become one AbortSignal; the exit code is set once. */
import { setMaxListeners } from 'node:events'
import { readFileSync } from 'node:fs'
import * as nodeModule from 'node:module'

// Node 22.8 and later keep compiled code between runs; Node 20 has no such function.
if ('enableCompileCache' in nodeModule) (nodeModule as { enableCompileCache(): void }).enableCompileCache()

const argv = process.argv.slice(2)
const version = (
  JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as { version: string }
).version

if (argv.length === 1 && (argv[0] === '--version' || argv[0] === '-V')) {
  process.stdout.write(`${version}\n`)
} else {
  const { main } = await import('./main.ts')
  process.exitCode = await main(argv, {
    stdout: process.stdout,
    stderr: process.stderr,
    env: process.env,
    cwd: process.cwd(),
    signal: abortOnSignals(),
    version,
  })
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
  // A reader that has gone (`bringup runs | head -1`) wants no more, and that is no error.
  process.stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (error.code === 'EPIPE') process.exit(process.exitCode ?? 0)
    throw error
  })
  return controller.signal
}
