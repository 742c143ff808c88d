/** With a source tree whose configure and build are stand-ins of a few lines. */
import { chmodSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { installSource } from './install-source.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-install-'))
  vi.stubEnv('XDG_DATA_HOME', join(folder, 'data'))
  mkdirSync(join(folder, 'tree'))
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true, force: true })
})

/** A configure that notes each call, and prepares a build of one program. */
function configureOf(program: string): void {
  const targets = `[{"name": "${program}", "type": "executable", "filename": ["'"$PWD"'/${program}"]}]`
  const lines = [
    '#!/bin/sh',
    '[ "$1" = --help ] && exit 0',
    `echo call >> ${join(folder, 'calls')}`,
    'mkdir meson-info',
    `printf '%s' '${targets}' > meson-info/intro-targets.json`,
    `printf 'rule make\\n command = touch $out\\nbuild ${program}: make\\n' > build.ninja`,
  ]
  writeFileSync(join(folder, 'tree/configure'), `${lines.join('\n')}\n`)
  chmodSync(join(folder, 'tree/configure'), 0o755)
}

const install = () =>
  installSource({
    source: {
      tree: { folder: join(folder, 'tree'), version: '8.2.1', hasOwnMeson: true },
      key: 'tree',
      name: join(folder, 'tree'),
    },
    wish: { features: [], architectures: [], isToolsOnly: true, isDebug: false },
    jobs: 1,
    folder: join(folder, 'cache'),
    cacheFolder: join(folder, 'cache'),
    signal: new AbortController().signal,
    onEvent: () => {},
  })
const calls = () => readFileSync(join(folder, 'calls'), 'utf8').trim().split('\n').length

test('two installations of the same QEMU at once build it once; a third one is refused before it builds', async () => {
  configureOf('rdmacm-mux')
  const both = await Promise.allSettled([install(), install()])
  expect(both.map(({ status }) => status).sort()).toEqual(['fulfilled', 'rejected'])
  const refused = both.find((one) => one.status === 'rejected')
  expect(refused).toMatchObject({ reason: { code: 'QEMU_INSTALLED_ALREADY' } })
  expect(calls()).toBe(1)
  await expect(install()).rejects.toMatchObject({ code: 'QEMU_INSTALLED_ALREADY' })
  expect(calls()).toBe(1)
})

test('a tree that does not build the requested tool installs nothing', async () => {
  configureOf('something-else')
  await expect(install()).rejects.toMatchObject({ code: 'QEMU_BUILD_INCOMPLETE' })
  expect(() => readdirSync(join(folder, 'data/bringup/qemus/8.2.1-tools'))).toThrow(/ENOENT/)
})
