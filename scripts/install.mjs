/** npm packages and the build: done when something has changed, passed over when nothing has. */
import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { join } from 'node:path'
import { ROOT, run } from './processes.mjs'

/** Installs npm packages if what is there is not what the lock file says. Returns whether they are there now. */
export async function ensureNpmPackages() {
  if (isInstalled()) return true
  console.error('installing npm packages …')
  const npm = process.env.npm_execpath ? [process.execPath, process.env.npm_execpath] : ['npm']
  const flags = ['--no-audit', '--no-fund', '--loglevel=error']
  // `npm ci` wants the optional packages of every platform in the lock file, which a mirror may not have; then
  // `npm install` takes the same locked versions, and leaves the lock file as it is.
  const isStrict = (await run([...npm, 'ci', ...flags], { stdio: 'ignore' })) === 0
  if (isStrict || (await run([...npm, 'install', '--no-save', ...flags], { stdio: ['ignore', 2, 2] })) === 0)
    return true
  console.error('npm could not install the packages; it says why above.')
  return false
}

/** Compares the lock file with the one that npm keeps of what it has installed. */
function isInstalled() {
  try {
    const wanted = JSON.parse(readFileSync(join(ROOT, 'package-lock.json'), 'utf8')).packages
    const there = JSON.parse(readFileSync(join(ROOT, 'node_modules/.package-lock.json'), 'utf8')).packages
    return Object.entries(wanted).every(
      ([path, p]) => path === '' || (there[path] ? there[path].version === p.version : p.optional || p.peer),
    )
  } catch {
    return false
  }
}

/**
 * Builds `dist` unless nothing has changed. Declarations take the compiler some seconds and only who compiles against
 * the package needs them: `withTypes`. A failed build leaves the last good one in place.
 */
export async function ensureBuilt({ isQuiet = false, withTypes = false } = {}) {
  const stamp = stampOfSources()
  const built = readStamp()
  if (built === `${stamp} with types` || (built === stamp && !withTypes)) return true
  if (!isQuiet) console.error('building bringup …')
  const next = join(ROOT, `dist.${process.pid}`)
  const tool = (path, ...args) =>
    run([process.execPath, join(ROOT, path), ...args], { stdio: ['ignore', 2, 2] })
  try {
    if ((await tool('scripts/bundle.mjs', next, stamp)) !== 0) return false
    const tsc = ['-p', 'tsconfig.build.json', '--outDir', next]
    if (withTypes && (await tool('node_modules/typescript/bin/tsc', ...tsc)) !== 0) return false
    chmodSync(join(next, 'cli/bin.js'), 0o755)
    writeOwned(join(next, '.stamp'), withTypes ? `${stamp} with types` : stamp)
    rmSync(join(ROOT, 'dist'), { recursive: true, force: true })
    renameSync(next, join(ROOT, 'dist'))
    return true
  } finally {
    rmSync(next, { recursive: true, force: true })
  }
}

function readStamp() {
  try {
    return readFileSync(join(ROOT, 'dist/.stamp'), 'utf8')
  } catch {
    return undefined
  }
}

/** By name, size and time of change, as make does, with the compiler's version: reading a few hundred entries takes 5 ms. */
function stampOfSources() {
  const hash = createHash('sha256')
  const add = (path) => {
    const { size, mtimeMs } = statSync(join(ROOT, path))
    hash.update(`${path}\0${size}\0${mtimeMs}\n`)
  }
  for (const name of readdirSync(join(ROOT, 'src'), { recursive: true }).sort()) {
    if (name.endsWith('.ts') && !name.endsWith('.test.ts')) add(join('src', name))
  }
  for (const name of [
    'scripts/bundle.mjs',
    'tsconfig.json',
    'tsconfig.build.json',
    'package.json',
    'package-lock.json',
  ])
    add(name)
  return hash.digest('hex')
}

/** The stamp belongs to whom the build belongs, also when root started it. */
function writeOwned(path, text) {
  writeFileSync(path, text)
  const { uid, gid } = statSync(ROOT)
  if (process.getuid?.() === 0) chownSync(path, uid, gid)
}
