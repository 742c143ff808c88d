/**
 * Loads the bundled program with the code that V8 made of it the last time: compiling takes half of a short run.
 * Only Node's smallest modules are used here, because this is what every start pays for.
 */
import {
  closeSync,
  existsSync,
  fsyncSync,
  openSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import * as nodeModule from 'node:module'
import { dirname, join } from 'node:path'
import { Script } from 'node:vm'
import { makeFolder } from '../own-files.ts'

const DAY_MS = 24 * 60 * 60 * 1000

type Compiled = (
  exports: object,
  require: NodeJS.Require,
  module: object,
  file: string,
  folder: string,
) => void

/**
 * Evaluates a CommonJS file of ASCII, and keeps the compiled code in a folder. What was compiled is what was used, so each use
 * has code of its own: what `plan` never calls is compiled for `run` once and not at every run.
 *
 * Node 22.8 and later keep it by themselves once asked to; for Node 20 it is done here.
 */
export function loadProgram(file: string, folder: string, use: string): unknown {
  const require = nodeModule.createRequire(file)
  if ('enableCompileCache' in nodeModule) {
    ;(nodeModule as { enableCompileCache(folder: string): void }).enableCompileCache(join(folder, use))
    return require(file)
  }
  const { size, mtimeMs } = statSync(file)
  const kept = join(folder, [use, process.version, process.arch, size, mtimeMs].join('-'))
  const cachedData = readOr(kept)
  // The bundle is plain ASCII, which is read at once as Latin-1.
  const script = new Script(nodeModule.wrap(readFileSync(file, 'latin1')), {
    filename: file,
    ...(cachedData ? { cachedData } : {}),
  })
  const program = { exports: {} }
  const run = script.runInThisContext() as Compiled
  run(program.exports, require, program, file, dirname(file))
  // At the end, so that every function that was used is kept with it; and of the second run, for the first one does
  // much that is never done again.
  if (!cachedData) process.once('exit', () => keep(kept, Buffer.alloc(0)))
  else if (script.cachedDataRejected) process.once('exit', () => keep(kept, script.createCachedData()))
  return program.exports
}

/** Whole, on the disk, or not at all: V8 trusts what it is given. A cache that cannot be written only costs time. */
function keep(path: string, data: Buffer): void {
  const partial = `${path}.${process.pid}.${Math.random().toString(16).slice(2)}`
  try {
    makeFolder(dirname(path))
    const file = openSync(partial, 'wx', 0o600)
    writeFileSync(file, data)
    fsyncSync(file)
    closeSync(file)
    renameSync(partial, path)
    prune(dirname(path))
  } catch {
    if (existsSync(partial)) rmSync(partial)
  }
}

/** What other builds have left. One that is still in use is made again at its next run, at most once a day. */
function prune(folder: string): void {
  for (const name of readdirSync(folder)) {
    const path = join(folder, name)
    if (statSync(path).mtimeMs < Date.now() - DAY_MS) rmSync(path, { recursive: true, force: true })
  }
}

function readOr(path: string): Buffer | undefined {
  try {
    return readFileSync(path)
  } catch {
    return undefined
  }
}
