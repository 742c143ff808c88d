/** Processes for the scripts that run before anything is installed: only Node's own modules, never a shell. */
import { spawn, spawnSync } from 'node:child_process'
import { accessSync, constants, readdirSync, readFileSync, statSync } from 'node:fs'
import { delimiter, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const ROOT = fileURLToPath(new URL('..', import.meta.url)).replace(/\/$/, '')

/**
 * Runs a program on this terminal; resolves to its exit status (128 + n for a signal).
 *
 * @param options those of spawn; `limitMs` kills it with all that it has started after that time
 */
export function run(argv, { limitMs, ...options } = {}) {
  const [program, ...args] = [...asOwner(), ...argv]
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, {
      stdio: 'inherit',
      cwd: ROOT,
      ...options,
      env: { ...ownerEnv(), ...options.env },
    })
    const timer = limitMs === undefined ? undefined : setTimeout(() => killTree(child.pid), limitMs)
    child.once('close', () => clearTimeout(timer))
    // The terminal sends Ctrl-C to both; the child decides how it ends, and its status is ours.
    const pass = (signal) => child.kill(signal)
    for (const signal of ['SIGTERM', 'SIGHUP']) process.on(signal, pass)
    process.on('SIGINT', () => {})
    child.on('error', reject)
    child.on('close', (status, signal) =>
      resolve(status ?? 128 + ({ SIGHUP: 1, SIGINT: 2, SIGKILL: 9, SIGTERM: 15 }[signal] ?? 0)),
    )
  })
}

/** SIGKILL for a process and all that it has started, the children first. */
function killTree(pid) {
  const parents = readdirSync('/proc').flatMap((name) => {
    try {
      const stat = readFileSync(`/proc/${name}/stat`, 'utf8')
      return [[Number(name), Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])]]
    } catch {
      return []
    }
  })
  for (const [child, parent] of parents) if (parent === pid) killTree(child)
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It has ended meanwhile.
  }
}

/** Whether a program ends with 0; nothing is shown. */
export function succeeds(argv) {
  return spawnSync(argv[0], argv.slice(1), { stdio: 'ignore' }).status === 0
}

export function isInPath(program) {
  return (process.env.PATH ?? '').split(delimiter).some((folder) => {
    try {
      accessSync(join(folder, program), constants.X_OK)
      return true
    } catch {
      return false
    }
  })
}

export const isRoot = () => process.getuid?.() === 0

/**
 * Root in another user's checkout (`sudo npm start`) works as that user, so that no file of root's is left there.
 */
function asOwner() {
  const owner = foreignOwner()
  return owner
    ? [
        'setpriv',
        `--reuid=${owner.uid}`,
        `--regid=${owner.gid}`,
        owner.name ? '--init-groups' : '--clear-groups',
        '--',
      ]
    : []
}

function ownerEnv() {
  const owner = foreignOwner()
  if (!owner) return process.env
  const { XDG_CACHE_HOME: _, ...env } = process.env
  return {
    ...env,
    HOME: owner.home ?? '/nonexistent',
    ...(owner.name ? { USER: owner.name, LOGNAME: owner.name } : {}),
  }
}

function foreignOwner() {
  const { uid, gid } = statSync(ROOT)
  if (!isRoot() || uid === 0) return undefined
  const line = readFileSync('/etc/passwd', 'utf8')
    .split('\n')
    .map((l) => l.split(':'))
    .find((fields) => Number(fields[2]) === uid)
  return { uid, gid, name: line?.[0], home: line?.[5] }
}
