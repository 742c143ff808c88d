/**
 * `npm start`: from a fresh clone to a booted kernel. Needs only Node, npm and apt; asks before it installs anything.
 * `npm start -- ARGS` hands the arguments to bringup: options alone are for `run`.
 */
import { join } from 'node:path'
import { ensureBuilt, ensureNpmPackages } from './install.mjs'
import { MAIN_PACKAGES } from './packages.mjs'
import { ROOT, run } from './processes.mjs'
import { ensurePackages } from './system-packages.mjs'

const dashes = process.argv.indexOf('--', 2)
const own = process.argv.slice(2, dashes === -1 ? undefined : dashes)
const isYes = own.includes('--yes')
const args = [...own.filter((a) => a !== '--yes'), ...(dashes === -1 ? [] : process.argv.slice(dashes))]

const isReady =
  (await ensurePackages(MAIN_PACKAGES, { isYes })) && (await ensureNpmPackages()) && (await ensureBuilt())
if (!isReady) process.exit(1)
process.exitCode = await run(bringup(args), { cwd: process.env.INIT_CWD ?? ROOT })

function bringup(words) {
  const isCommand = words[0] !== undefined && !words[0].startsWith('-')
  const asksNothing = words.some((w) => ['--version', '-V', '--help', '-h'].includes(w))
  const command = isCommand || asksNothing ? words : ['run', ...words]
  const names =
    command.includes('--project') || asksNothing ? [] : ['--project', join(ROOT, 'examples/first-machine')]
  return [process.execPath, join(ROOT, 'dist/cli/bin.js'), ...names, ...command]
}
