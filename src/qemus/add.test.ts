/** QEMUs are installed whole, found, kept while in use, and removed. */
import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { takeLock } from '../processes/flock.ts'
import { addQemu, checkRemovals, removeQemu } from './add.ts'
import { digestsOf } from './digests.ts'
import { defaultQemu, qemusFolder, setDefaultQemu } from './folder.ts'
import {
  compareVersions,
  damagedQemus,
  findInstalled,
  findTool,
  installedQemus,
  programOf,
} from './installed.ts'
import { RECORD, startOf } from './record.ts'
import { stageQemu } from './staging.ts'

const RUN_SOURCE = fileURLToPath(new URL('../../scripts/run-source.mjs', import.meta.url))

let data: string
beforeEach(() => {
  data = mkdtempSync(join(tmpdir(), 'data of qemus '))
  vi.stubEnv('XDG_DATA_HOME', data)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(data, { recursive: true, force: true })
})

const ABOUT = {
  name: '9.9.9-source',
  version: '9.9.9',
  from: { kind: 'source', source: '/tmp/qemu.tar.xz', isDebug: false, configure: [] },
  programs: { x86_64: 'bin/qemu-system-x86_64' },
  start: { loader: [], environment: { QEMU_MODULE_DIR: '{folder}/modules' }, args: ['-L', '{folder}/share'] },
  tools: { 'no-such-tool-elsewhere': 'bin/tool' },
  features: ['pvrdma'],
} as const

async function install(about: object = {}, replaces = false) {
  await using staging = await stageQemu()
  mkdirSync(join(staging.folder, 'bin'))
  for (const name of ['qemu-system-x86_64', 'tool']) {
    writeFileSync(join(staging.folder, 'bin', name), '#!/bin/true\n')
    chmodSync(join(staging.folder, 'bin', name), 0o755)
  }
  return await addQemu(staging, { ...ABOUT, ...about } as never, { replaces })
}

const everything = () => readdirSync(qemusFolder()).filter((name) => name !== '.lock')

test('an installed QEMU is found with its program, its tools and the words that start it', async () => {
  const added = await install()
  expect(added.folder).toBe(join(data, 'bringup/qemus/9.9.9-source'))
  expect(installedQemus()).toEqual([added])
  expect(findInstalled('9.9.9-source')).toEqual(added)
  expect(programOf(added, 'x86_64')).toBe(join(added.folder, 'bin/qemu-system-x86_64'))
  expect(programOf(added, 'riscv64')).toBeUndefined()
  expect(findTool('no-such-tool-elsewhere')).toBe(join(added.folder, 'bin/tool'))
  expect(findTool('no-tool-at-all')).toBeUndefined()
  expect(startOf(added)).toEqual({
    installed: '9.9.9-source',
    record: join(added.folder, RECORD),
    before: [],
    environment: { QEMU_MODULE_DIR: join(added.folder, 'modules') },
    args: ['-L', join(added.folder, 'share')],
  })
  expect(await digestsOf(added.folder, { except: [RECORD] })).toEqual(added.record.files)
  expect(Object.keys(added.record.files)).toEqual(['bin/qemu-system-x86_64', 'bin/tool'])
  expect(everything()).toEqual(['9.9.9-source'])
})

test('the folder may move: nothing in the record names it', async () => {
  const { folder } = await install()
  renameSync(folder, join(data, 'moved'))
  expect(installedQemus(data)).toMatchObject([{ name: 'moved', record: { name: '9.9.9-source' } }])
})

test('a second one of that name is refused, or replaces the first', async () => {
  await install()
  await expect(install()).rejects.toMatchObject({ code: 'QEMU_INSTALLED_ALREADY' })
  await install({ version: '9.9.10' }, true)
  expect(installedQemus()).toMatchObject([{ record: { version: '9.9.10' } }])
  expect(everything()).toEqual(['9.9.9-source'])
})

test.each(['../npm', '..', 'my qemu', '.x', ''])(
  'the name %j is refused, and nothing is moved',
  async (name) => {
    mkdirSync(join(data, 'bringup/npm'), { recursive: true })
    writeFileSync(join(data, 'bringup/npm/kept'), '')
    await expect(install({ name }, true)).rejects.toThrow()
    await expect(removeQemu(name)).rejects.toMatchObject({ code: 'QEMU_NOT_INSTALLED' })
    expect(existsSync(join(data, 'bringup/npm/kept'))).toBe(true)
    expect(everything()).toEqual([])
  },
)

test('a record that could not be read again is refused', async () => {
  const from = { kind: 'packages', distribution: 'debian', suite: 'x', mirror: 'm' }
  const packages = [{ name: 'seabios', version: '1', sha256: '' }]
  await expect(install({ from: { ...from, packages } })).rejects.toThrow(/sha256/)
  expect(everything()).toEqual([])
})

test('one that a guest holds is neither replaced nor removed', async () => {
  const { folder } = await install()
  const guest = await takeLock(join(folder, RECORD), { mode: 'shared' })
  if (!('ended' in guest)) throw new Error(guest.why)
  await expect(install({}, true)).rejects.toMatchObject({ code: 'QEMU_IN_USE' })
  await expect(removeQemu('9.9.9-source')).rejects.toMatchObject({
    code: 'QEMU_IN_USE',
    diagnostics: [{ what: expect.stringMatching(/is in use by process \d+ \(cat\)/) }],
  })
  await guest[Symbol.asyncDispose]()
  await removeQemu('9.9.9-source')
  expect(everything()).toEqual([])
})

test('the default is not removed unless that is asked for', async () => {
  await install()
  setDefaultQemu('9.9.9-source')
  await expect(removeQemu('9.9.9-source')).rejects.toMatchObject({ code: 'QEMU_IN_USE' })
  await removeQemu('9.9.9-source', { isDefaultToo: true })
  expect(defaultQemu()).toBeUndefined()
  await expect(removeQemu('9.9.9-source')).rejects.toMatchObject({ code: 'QEMU_NOT_INSTALLED' })
  await expect(removeQemu('../..')).rejects.toMatchObject({ code: 'QEMU_NOT_INSTALLED' })
})

test('all removals are checked before the first', async () => {
  await install()
  await install({ name: 'other' })
  setDefaultQemu('other')
  await expect(checkRemovals(['9.9.9-source', 'other', 'gone'])).rejects.toMatchObject({
    diagnostics: [{ code: 'QEMU_IN_USE' }, { code: 'QEMU_NOT_INSTALLED', what: 'gone is not installed' }],
  })
  await checkRemovals(['9.9.9-source', 'other'], { isDefaultToo: true })
  expect(everything()).toHaveLength(3)
})

test('what is not added leaves nothing', async () => {
  await (async () => {
    await using staging = await stageQemu()
    writeFileSync(join(staging.folder, 'half'), '')
  })()
  expect(everything()).toEqual([])
})

test('a process that is killed leaves nothing, and one killed together with its guard nothing after the next call', async () => {
  const program = join(data, 'stage.ts')
  writeFileSync(
    program,
    `import { stageQemu } from ${JSON.stringify(join(import.meta.dirname, 'staging.ts'))}
    stageQemu().then(() => console.log('staged'))
    setInterval(() => {}, 1000)`,
  )
  const start = async () => {
    const child = spawn(process.execPath, [RUN_SOURCE, program], { stdio: ['ignore', 'pipe', 'inherit'] })
    await once(child.stdout, 'data')
    return child
  }
  const child = await start()
  expect(everything()).toHaveLength(1)
  child.kill('SIGKILL')
  await vi.waitFor(() => expect(everything()).toEqual([]), { timeout: 60_000 })
  const second = await start()
  const guards = execFileSync('ps', ['-o', 'pid=', '--ppid', `${second.pid}`], { encoding: 'utf8' })
  for (const pid of guards.trim().split(/\s+/)) process.kill(Number(pid), 'SIGKILL')
  second.kill('SIGKILL')
  await once(second, 'close')
  expect(everything()).toHaveLength(1)
  await vi.waitFor(
    async () => {
      await using _ = await stageQemu()
      expect(everything()).toHaveLength(1)
    },
    { timeout: 60_000 },
  )
})

test('a replacement that was interrupted keeps the old one', async () => {
  const { folder } = await install()
  renameSync(folder, join(qemusFolder(), '.replaced-9.9.9-source'))
  expect(installedQemus()).toEqual([])
  await using _ = await stageQemu()
  expect(installedQemus()).toHaveLength(1)
  expect(existsSync(join(qemusFolder(), '.replaced-9.9.9-source'))).toBe(false)
})

test.each([
  ['no JSON', '{'],
  ['another format', '{"format": 2}'],
  ['a path that leaves the folder', JSON.stringify({ ...ABOUT, programs: { x86_64: '../../bin/sh' } })],
])('a record that is %s is damage, not a QEMU', async (_, text) => {
  const { folder } = await install()
  writeFileSync(join(folder, RECORD), text)
  expect(installedQemus()).toEqual([])
  expect(damagedQemus()).toEqual([{ name: '9.9.9-source', problem: expect.any(String) }])
})

test('a folder that cannot be made', async () => {
  writeFileSync(join(data, 'bringup'), '')
  await expect(stageQemu()).rejects.toMatchObject({ code: 'QEMU_FOLDER_UNUSABLE' })
})

test('versions compare as numbers', () => {
  expect(['10.0.2', '7.2.22', '9.1.0'].sort(compareVersions)).toEqual(['7.2.22', '9.1.0', '10.0.2'])
})
