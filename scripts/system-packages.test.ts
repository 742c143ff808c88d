import { spawnSync } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { probe } from '../src/project/profiles/probe.ts'
import { namesIn } from '../src/setup/dependency.ts'
import { setsOf } from '../src/setup/sets.ts'

/** Real scripts stand for apt and sudo: they write down how they were called, and "install" an empty program. */
let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-packages-'))
  mkdirSync(join(folder, 'bin'))
  program('apt-cache', 'exit 0')
  program(
    'apt-get',
    `case "$*" in *install*) : > "${folder}/bin/emulator"; chmod 755 "${folder}/bin/emulator";; esac`,
  )
  program('sudo', 'if [ "$1" = -n ]; then shift; fi; exec "$@"')
  chmodSync(folder, 0o777)
  chmodSync(join(folder, 'bin'), 0o777)
})
afterEach(() => rmSync(folder, { recursive: true }))

function program(name: string, body: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\necho "${name} $*" >> "${folder}/log"\n${body}\n`, {
    mode: 0o755,
  })
}

const isRoot = process.getuid?.() === 0

/** Runs the installer without a terminal, as root or as nobody. */
function ensure({ isYes = false, asRoot = isRoot } = {}) {
  const module = new URL('system-packages.mjs', import.meta.url).href
  const table = [{ name: 'qemu-emulator', programs: ['emulator'], why: 'runs the machines' }]
  const code = `const { ensurePackages } = await import(${JSON.stringify(module)})
    process.exit((await ensurePackages(${JSON.stringify(table)}, { isYes: ${isYes} })) ? 0 : 1)`
  const drop = isRoot && !asRoot ? ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups'] : []
  const argv = [...drop, process.execPath, '--input-type=module', '-e', code]
  const [first = '', ...rest] = argv
  const env = { PATH: `${folder}/bin:/usr/bin:/bin`, HOME: folder }
  const { status, stderr } = spawnSync(first === 'setpriv' ? '/usr/bin/setpriv' : first, rest, {
    env,
    encoding: 'utf8',
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const log = existsSync(join(folder, 'log'))
    ? readFileSync(join(folder, 'log'), 'utf8').trim().split('\n')
    : []
  return { status, stderr, log }
}

test('what is there already is left alone', () => {
  program('emulator', '')
  expect(ensure()).toEqual({ status: 0, stderr: '', log: [] })
})

test.runIf(isRoot)('root without a terminal: says what and why, shows the command, does it', () => {
  const { status, stderr, log } = ensure()
  expect(status).toBe(0)
  expect(stderr).toContain('qemu-emulator  runs the machines')
  expect(stderr).toContain(
    '  env DEBIAN_FRONTEND=noninteractive apt-get install --yes --quiet --no-install-recommends qemu-emulator',
  )
  expect(log.at(-1)).toBe('apt-get install --yes --quiet --no-install-recommends qemu-emulator')
})

test.runIf(isRoot)('reads the package lists first where they do not know the package', () => {
  program('apt-cache', 'exit 100')
  expect(
    ensure()
      .log.filter((l) => l.startsWith('apt-get'))
      .map((l) => l.split(' ')[1]),
  ).toEqual(['update', 'install'])
})

test.runIf(isRoot)('reads them again where they are out of date, and gives up after that', () => {
  program('apt-get', 'exit 100')
  const { status, stderr, log } = ensure()
  expect(status).toBe(1)
  expect(log.filter((l) => l.startsWith('apt-get')).map((l) => l.split(' ')[1])).toEqual([
    'install',
    'update',
  ])
  expect(stderr).toContain('could not be installed')
})

test('an ordinary user without a terminal is asked for --yes, and then sudo does it', () => {
  const refused = ensure({ asRoot: false })
  expect(refused.status).toBe(1)
  expect(refused.stderr).toContain('sudo env DEBIAN_FRONTEND=noninteractive apt-get install')
  expect(refused.stderr).toContain('--yes')
  expect(refused.log.some((l) => l.startsWith('apt-get'))).toBe(false)
  const done = ensure({ asRoot: false, isYes: true })
  expect(done.status).toBe(0)
  expect(done.log).toContain('sudo -n true')
})

test('an ordinary user whose sudo wants a password gets the commands to hand on', () => {
  program('sudo', 'exit 1')
  const { status, stderr, log } = ensure({ asRoot: false, isYes: true })
  expect(status).toBe(1)
  expect(stderr).toContain('sudo wants a password')
  expect(log.some((l) => l.startsWith('apt-get'))).toBe(false)
})

test('the scripts that run before anything is installed import nothing but Node', () => {
  for (const name of ['start', 'test', 'install', 'processes', 'packages', 'system-packages']) {
    const text = readFileSync(new URL(`${name}.mjs`, import.meta.url), 'utf8')
    for (const [, from = ''] of text.matchAll(/from '([^']+)'/g)) expect(from).toMatch(/^(node:|\.\/)/)
  }
})

test('they are the packages that the bundled kernel’s profile names for Debian', async () => {
  const { MAIN_PACKAGES } = (await import('./packages.mjs' as string)) as {
    MAIN_PACKAGES: readonly { name: string }[]
  }
  const named = setsOf(probe)
    .flatMap((set) => set.dependencies)
    .flatMap((d) => ('packages' in d ? namesIn(d.packages, 'debian') : []))
  expect(
    MAIN_PACKAGES.map((p) => p.name)
      .filter((name) => name !== 'git')
      .sort(),
  ).toEqual([...new Set(named)].sort())
})
