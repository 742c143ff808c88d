/** Each kind looks at a computer that is a folder of real programs, and says what fixes it. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { createHostReader } from '../../steps/host-reader.ts'
import type { Dependency } from '../dependency.ts'
import type { DependencyContext } from '../kind.ts'
import { kindOf } from '../registry.ts'
import { openVersions } from '../versions.ts'
import { parseToolchainFile } from './rust-toolchain.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'kinds, '))
  mkdirSync(join(folder, 'bin'))
  vi.stubEnv('PATH', `${join(folder, 'bin')}:/usr/bin:/bin`)
  vi.stubEnv('HOME', folder)
  vi.stubEnv('CARGO_HOME', '')
  vi.stubEnv('XDG_DATA_HOME', '')
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

function program(name: string, body: string): void {
  writeFileSync(join(folder, 'bin', name), `#!/bin/sh\n${body}\n`)
  chmodSync(join(folder, 'bin', name), 0o755)
}

function context(more: Partial<DependencyContext> = {}): DependencyContext {
  const { signal } = new AbortController()
  return {
    host: createHostReader(signal),
    family: 'debian',
    packages: new Map([['libelf-dev', '0.188']]),
    sourceFolder: folder,
    user: 'alice',
    say: openVersions(folder, signal).say,
    newKept: () => '/var/lib/bringup/test',
    ...more,
  }
}

async function look(dependency: Dependency, more?: Partial<DependencyContext>) {
  const kind = kindOf(dependency)
  return { ...(await kind.check(dependency, context(more))), fix: kind.fix(dependency, context(more)) }
}

const why = 'is a test'

test('program: there, too old, replaced by another, missing', async () => {
  program('emulator-x', 'echo "emulator 5.2.1"')
  const wanted = { kind: 'program', program: 'emulator-x', packages: 'emulator', why } as const
  expect(await look(wanted)).toMatchObject({ state: 'present', version: '5.2.1' })
  expect(await look({ ...wanted, minimum: '5.10' })).toMatchObject({
    state: 'too-old',
    detail: '5.10 or newer is needed',
    fix: { packages: [['emulator']] },
  })
  expect(await look({ ...wanted, program: 'no-such', alternatives: ['emulator-x'] })).toMatchObject({
    state: 'present',
  })
  expect(await look({ ...wanted, program: 'no-such' })).toMatchObject({ state: 'missing' })
  expect(await look({ ...wanted, program: 'no-such' }, { family: undefined })).toMatchObject({
    fix: { advice: expect.stringContaining('by hand') },
  })
})

test('package: by any of its names', async () => {
  const packages = { debian: ['libelf-new-dev', 'libelf-dev'] }
  expect(await look({ kind: 'package', packages, why })).toMatchObject({ state: 'present', version: '0.188' })
  expect(await look({ kind: 'package', packages: 'other', why })).toMatchObject({
    state: 'missing',
    fix: { packages: [['other']] },
  })
})

test('device-access: by opening it, whatever its group is called', async () => {
  expect(await look({ kind: 'device-access', path: '/dev/null', group: 'no-such-group', why })).toMatchObject(
    {
      state: 'present',
    },
  )
  expect(await look({ kind: 'device-access', path: '/dev/no-such', group: 'kvm', why })).toMatchObject({
    state: 'missing',
    fix: { advice: expect.stringContaining('module') },
  })
})

test('rust-toolchain: what the source tree asks for, of what rustup has', async () => {
  program(
    'rustup',
    `case "$*" in
"toolchain list") echo "nightly-2022-11-21-x86_64-unknown-linux-gnu (active)";;
"component list --toolchain nightly-2022-11-21-x86_64-unknown-linux-gnu --installed") echo rust-src; echo cargo-x86_64-unknown-linux-gnu;;
"target list --toolchain nightly-2022-11-21-x86_64-unknown-linux-gnu --installed") echo x86_64-unknown-linux-gnu;;
esac`,
  )
  writeFileSync(join(folder, 'rust-toolchain'), 'nightly-2022-11-21\n')
  const wanted = { kind: 'rust-toolchain', components: ['rust-src', 'cargo'], why } as const
  expect(await look(wanted)).toMatchObject({ state: 'present' })
  expect(await look({ ...wanted, components: ['miri'] })).toMatchObject({
    state: 'missing',
    detail: 'it lacks miri',
    fix: {
      steps: [{ kind: 'rust.toolchain', params: { channel: 'nightly-2022-11-21', components: ['miri'] } }],
    },
  })
  expect(parseToolchainFile('[toolchain]\nchannel = "1.80"\ncomponents = ["rust-src"]\n')).toEqual({
    channel: '1.80',
    components: ['rust-src'],
    targets: [],
  })
  expect(parseToolchainFile('= nonsense')).toBeUndefined()
})

test('cargo: the version that cargo knows', async () => {
  program('cargo', 'printf "mdbook v0.4.40:\\n    mdbook\\n"')
  program('mdbook', 'echo "mdbook v0.4.40"')
  expect(await look({ kind: 'cargo', program: 'mdbook', why })).toMatchObject({ version: '0.4.40' })
  expect(await look({ kind: 'cargo', program: 'mdbook', version: '0.4.41', why })).toMatchObject({
    state: 'too-old',
    fix: { steps: [{ kind: 'cargo.install', params: { crate: 'mdbook', version: '0.4.41' } }] },
  })
})

test('python: what the interpreter can import', async () => {
  expect(await look({ kind: 'python', module: 'json', why })).toMatchObject({ state: 'present' })
  expect(await look({ kind: 'python', module: 'no_such_module', why })).toMatchObject({
    state: 'missing',
    fix: { packages: [['python3-venv']], steps: [{ kind: 'python.install' }] },
  })
})

test('python: a module that is installed for another interpreter than the first is there, and setup has nothing to do', async () => {
  program('python3', 'exit 1')
  expect(await look({ kind: 'python', module: 'json', why })).toMatchObject({
    state: 'present',
    path: '/usr/bin/python3',
    detail: 'for /usr/bin/python3; put /usr/bin first in PATH',
  })
})

test('npm, file and capability', async () => {
  expect(await look({ kind: 'npm', program: 'no-such', why })).toMatchObject({
    state: 'missing',
    fix: { steps: [{ kind: 'npm.install', params: { package: 'no-such' } }] },
  })
  expect(await look({ kind: 'file', paths: ['/no/such', folder], why })).toMatchObject({ path: folder })
  program('sniffer', '')
  expect(
    await look({ kind: 'capability', program: 'sniffer', capabilities: ['cap_net_raw'], packages: 'x', why }),
  ).toMatchObject({ state: 'missing', fix: { steps: [{ kind: 'host.setcap' }] } })
})
