import { execFileSync } from 'node:child_process'
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import * as nodeModule from 'node:module'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test } from 'vitest'

/** The command keeps what V8 compiled of it; whatever lies there instead, it runs. */
const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
let cache = ''
beforeEach(() => {
  cache = mkdtempSync(join(tmpdir(), 'bringup-code-'))
})
afterEach(() => rmSync(cache, { recursive: true }))

const help = () =>
  execFileSync(process.execPath, [BIN, '--help'], {
    env: { ...process.env, XDG_CACHE_HOME: cache },
    encoding: 'utf8',
  })
const folder = () => join(cache, 'bringup/code')
const kept = () =>
  readdirSync(folder(), { recursive: true, encoding: 'utf8' })
    .map((name) => join(folder(), name))
    .filter((path) => statSync(path).isFile())

test('what was compiled is kept, and not again', () => {
  const first = help()
  expect(help()).toBe(first)
  const files = kept()
  expect(files.length).toBeGreaterThan(0)
  const times = files.map((path) => statSync(path).mtimeMs)
  expect(help()).toBe(first)
  expect(kept()).toEqual(files)
  expect(files.map((path) => statSync(path).mtimeMs)).toEqual(times)
})

test('a file that was cut short, or does not come from V8, is compiled anew', () => {
  const first = help()
  help()
  for (const broken of [
    (data: Buffer) => data.subarray(0, data.length / 2),
    () => Buffer.from('nothing of the sort'),
  ]) {
    for (const path of kept()) writeFileSync(path, broken(readFileSync(path)))
    expect(help()).toBe(first)
  }
})

test('what other builds have left goes after a day', () => {
  mkdirSync(folder(), { recursive: true })
  const old = join(folder(), 'main.js-of-old')
  writeFileSync(old, '')
  utimesSync(old, 0, 0)
  help()
  // Node 22 and later keep house themselves.
  expect(kept().includes(old)).toBe('enableCompileCache' in nodeModule)
})

test('a cache that cannot be written is done without', () => {
  mkdirSync(join(cache, 'bringup'))
  writeFileSync(folder(), 'a file where the folder would be')
  expect(help()).toContain('Usage')
})
