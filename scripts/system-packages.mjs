/** Installs what is missing of the operating system: says what and why, shows the commands, asks, does it. */
import { spawnSync } from 'node:child_process'
import { existsSync } from 'node:fs'
import { createInterface } from 'node:readline/promises'
import { isInPath, isRoot, succeeds } from './processes.mjs'

export function missingPackages(packages) {
  return packages.filter((p) => !(p.programs ?? []).some(isInPath) && !(p.files ?? []).some(existsSync))
}

/** The commands that install these packages, as they will be run. */
export function installCommands(packages, { needsUpdate, prefix }) {
  const apt = [...prefix, 'env', 'DEBIAN_FRONTEND=noninteractive', 'apt-get']
  return [
    ...(needsUpdate ? [[...apt, 'update', '--quiet']] : []),
    [...apt, 'install', '--yes', '--quiet', '--no-install-recommends', ...packages.map((p) => p.name)],
  ]
}

/**
 * Makes sure that the packages are there. Returns false, having said what to do, when they are not.
 * Root, or `--yes`: does it. A terminal: asks first. Neither: prints the commands for an administrator.
 */
export async function ensurePackages(packages, { isYes }) {
  const missing = missingPackages(packages)
  if (missing.length === 0) return true
  const width = Math.max(...missing.map((p) => p.name.length))
  console.error('bringup needs these packages, which this computer lacks:')
  for (const p of missing) console.error(`  ${p.name.padEnd(width)}  ${p.why}`)
  if (!isInPath('apt-get'))
    return refuse('There is no apt-get here; install them with your package manager, then run this again.')
  const way = wayToRoot(isYes)
  const needsUpdate = missing.some((p) => !succeeds(['apt-cache', 'show', '--quiet', p.name]))
  const commands = installCommands(missing, { needsUpdate, prefix: way.prefix })
  console.error('The commands that install them:')
  for (const command of commands) console.error(`  ${command.join(' ')}`)
  if (way.refusal) return refuse(way.refusal)
  if (way.asks && !(await confirm('Run them now? [Y/n] '))) return refuse('Nothing was installed.')
  return install(commands, missing, way.prefix)
}

/** How to become root, and whether to ask first. */
function wayToRoot(isYes) {
  const isTerminal = Boolean(process.stdin.isTTY && process.stderr.isTTY)
  const asks = isTerminal && !isYes
  if (isRoot()) return { prefix: [], asks }
  if (!isInPath('sudo'))
    return {
      prefix: [],
      asks,
      refusal: 'You are not root and there is no sudo: have an administrator run them, then run this again.',
    }
  if (isTerminal) return { prefix: ['sudo'], asks }
  if (!isYes)
    return {
      prefix: ['sudo'],
      asks,
      refusal: 'There is no terminal to ask on: run them yourself, or run this again with --yes.',
    }
  if (succeeds(['sudo', '-n', 'true'])) return { prefix: ['sudo', '-n'], asks }
  return {
    prefix: ['sudo'],
    asks,
    refusal: 'sudo wants a password and there is no terminal: have them run, then run this again.',
  }
}

async function install(commands, missing, prefix) {
  if (execute(commands) && missingPackages(missing).length === 0) return true
  // Package lists go stale: a version that has left the archive is "404" until the lists are read again.
  if (commands.length === 1) {
    console.error('That did not work; once more with fresh package lists.')
    if (
      execute(installCommands(missing, { needsUpdate: true, prefix })) &&
      missingPackages(missing).length === 0
    )
      return true
  }
  return refuse('The packages could not be installed; apt-get says why above.')
}

function execute(commands) {
  return commands.every(
    ([program, ...args]) => spawnSync(program, args, { stdio: ['inherit', 2, 2] }).status === 0,
  )
}

async function confirm(question) {
  const lines = createInterface({ input: process.stdin, output: process.stderr })
  try {
    return /^\s*(y|yes)?\s*$/i.test(await lines.question(question))
  } finally {
    lines.close()
  }
}

function refuse(words) {
  console.error(words)
  return false
}
