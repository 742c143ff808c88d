/** Which QEMU is meant, by name, version and features: with QEMUs that are stand-ins for the system's. */
import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeAll, expect, test, vi } from 'vitest'
import { findQemu } from '../qemu/find.ts'
import { addQemu } from './add.ts'
import { candidates, chooseQemu, isNamed, namedQemu } from './choose.ts'
import { setDefaultQemu } from './folder.ts'
import { stageQemu } from './staging.ts'
import { commandFor } from './suggest.ts'

const data = mkdtempSync(join(tmpdir(), 'choose '))
const system = findQemu('x86_64', undefined)
const NAME = '1.2.3-source'
const PROGRAM = join(data, 'bringup/qemus', NAME, 'qemu')

/** An installed QEMU that is the system's own under another path, so that it answers. */
beforeAll(async () => {
  vi.stubEnv('XDG_DATA_HOME', data)
  await using staging = await stageQemu()
  mkdirSync(staging.folder, { recursive: true })
  const program = join(staging.folder, 'qemu')
  writeFileSync(program, `#!/bin/sh\nexec ${system} "$@"\n`)
  chmodSync(program, 0o755)
  await addQemu(staging, {
    name: NAME,
    version: '1.2.3',
    from: { kind: 'source', source: 'nowhere', isDebug: false, configure: [] },
    programs: { x86_64: 'qemu' },
    start: { loader: [], environment: { MARK: '{folder}' }, args: [] },
    tools: {},
    features: [],
  })
  return () => vi.unstubAllEnvs()
})
afterAll(() => rmSync(data, { recursive: true, force: true }))
afterEach(() => setDefaultQemu(undefined))

const choose = (wish: Parameters<typeof chooseQemu>[0]['wish']) =>
  chooseQemu({ arch: 'x86_64', wish, cacheFolder: join(data, 'cache') })

test('a word names a path, an installed QEMU or the system’s', () => {
  expect(namedQemu('x86_64', system)).toEqual({ path: system })
  expect(namedQemu('x86_64', 'system')).toEqual({ path: system })
  const installed = {
    path: PROGRAM,
    starting: { installed: NAME, environment: { MARK: join(PROGRAM, '..') } },
  }
  expect(namedQemu('x86_64', NAME)).toMatchObject(installed)
  expect(namedQemu('x86_64', PROGRAM)).toMatchObject(installed)
  expect(namedQemu('x86_64', 'qemu-system-x86_64')).toEqual({ path: system })
  expect(() => namedQemu('x86_64', 'newest')).toThrow(expect.objectContaining({ code: 'QEMU_NAME_UNKNOWN' }))
  expect(() => namedQemu('x86_64', '/nowhere/q')).toThrow(
    expect.objectContaining({ code: 'QEMU_NOT_EXECUTABLE' }),
  )
})

test('the default is the one that was chosen, and goes first', () => {
  expect(namedQemu('x86_64', undefined)).toEqual({ path: system })
  expect(candidates('x86_64').map(({ path }) => path)).toEqual([system, PROGRAM])
  setDefaultQemu(NAME)
  expect(namedQemu('x86_64', undefined)).toMatchObject({ path: PROGRAM })
  expect(candidates('x86_64').map(({ path }) => path)).toEqual([PROGRAM, system])
  setDefaultQemu('removed-since')
  expect(() => namedQemu('x86_64', undefined)).toThrow(
    expect.objectContaining({
      diagnostics: [
        expect.objectContaining({
          code: 'QEMU_NOT_INSTALLED',
          remedy: 'choose another: `bringup qemu use system`',
        }),
      ],
    }),
  )
})

test.each([
  [undefined, true],
  ['/usr/bin/q', true],
  ['./build-10/q', true],
  ['system', true],
  [NAME, true],
  ['>=10', false],
  ['7.2', false],
  ['>=8 <9 || 10.x', false],
  ['10.0.2-packages', true],
  ['^10.0', false],
  ['features=pvrdma', false],
  [{ features: ['pvrdma'] }, false],
  [{ version: '>=8' }, false],
] as const)('%j names one: %s', (wish, expected) => expect(isNamed(wish)).toBe(expected))

test('a range and features choose the first that has them', async () => {
  const { version, features } = await choose(undefined)
  const own = version.join('.')
  expect((await choose(own)).path).toBe(system)
  expect((await choose(`>=${own} <99`)).path).toBe(system)
  expect(features).toContain('tcg')
  expect((await choose('features=tcg,nvdimm')).path).toBe(system)
  expect((await choose({ version: `>=${own}`, features: ['tcg'] })).path).toBe(system)
  setDefaultQemu(NAME)
  // Asked of the binary: the record says 1.2.3.
  expect(await choose(`>=${own}`)).toMatchObject({ path: PROGRAM, starting: { installed: NAME } })
})

test('what none has is a finding that names what each has', async () => {
  await expect(choose('>=99')).rejects.toMatchObject({
    diagnostics: [
      {
        code: 'QEMU_UNSUITABLE',
        what: 'no QEMU here has version >=99',
        remedy: 'install one: `bringup qemu install 99.0 --from source`',
        evidence: [expect.stringContaining(system), expect.stringContaining(NAME)],
      },
    ],
  })
  await expect(choose({ features: ['teleportation', 'tcg'] })).rejects.toMatchObject({
    diagnostics: [{ code: 'QEMU_FEATURE_UNKNOWN', what: '"teleportation" is not a feature' }],
  })
})

test.each([
  [{ features: ['cxl-volatile'] }, 'bringup qemu install 10.0 --from packages'],
  [{ features: ['pvrdma'] }, 'bringup qemu install 7.2 --from packages'],
  [{ features: ['pvrdma', 'cxl-volatile'] }, 'bringup qemu install 8.1 --from source --with rdma'],
  [{ features: ['pvrdma', 'cxl-dynamic'] }, undefined],
  [{ version: '^8.2' }, 'bringup qemu install 8.2 --from source'],
  [{ version: '>=10' }, 'bringup qemu install 10.0 --from packages'],
  [{ version: '<8' }, 'bringup qemu install 7.2 --from packages'],
  [{ version: '<=7.2.5' }, "bringup qemu install '<=7.2.5' --from packages"],
  [{ version: '8.2.1' }, 'bringup qemu install 8.2.1 --from source'],
  [{ version: '<5' }, undefined],
  [{ version: '>=8', features: ['pvrdma'] }, 'bringup qemu install 8.0 --from source --with rdma'],
  [{ version: '>=10', features: ['pvrdma'] }, undefined],
  [{ version: '<8', features: ['pvrdma'] }, 'bringup qemu install 7.2 --from packages'],
])('%j is installed by %s', (wish, command) => expect(commandFor(wish)).toBe(command))
