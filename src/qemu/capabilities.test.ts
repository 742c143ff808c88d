import {
  chmodSync,
  copyFileSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { contentOf } from './cache.ts'
import { netdevsOf, readCapabilities } from './capabilities.ts'
import { findAllQemu, findQemu } from './find.ts'
import { findFirmware } from './firmware.ts'

const folder = mkdtempSync(join(tmpdir(), 'capabilities, '))
afterAll(() => rmSync(folder, { recursive: true }))
const QEMU = findQemu('x86_64')

function program(name: string, text: string): string {
  const path = join(folder, name)
  writeFileSync(path, text)
  chmodSync(path, 0o755)
  return path
}
async function codeOf(result: Promise<unknown>): Promise<BringupError> {
  const error = await result.then(
    () => undefined,
    (e: unknown) => e,
  )
  if (error instanceof BringupError) return error
  throw new Error('no BringupError', { cause: error })
}

test('network backends are the cases of what `netdev_add` takes', () => {
  const schema = [
    { name: 'netdev_add', 'arg-type': '17' },
    { name: '16', variants: [{ case: 'vnc', type: '4' }] },
    {
      name: '17',
      variants: [
        { case: 'user', type: '1' },
        { case: 'stream', type: '2' },
      ],
    },
  ]
  expect(netdevsOf(schema)).toEqual(['user', 'stream'])
  expect(netdevsOf([{ name: 'netdev_add' }])).toEqual([])
  expect(netdevsOf([])).toEqual([])
})

describe('what QEMU says of itself', () => {
  test('has its network backends', async () => {
    const { netdevs, version } = await readCapabilities(QEMU, 'x86_64', join(folder, 'netdevs'))
    expect(netdevs).toContain('socket')
    const isNew = version[0] > 7 || (version[0] === 7 && version[1] >= 2)
    expect(netdevs.includes('stream')).toBe(isNew)
  })

  test('is asked by QMP', async () => {
    const qemu = await readCapabilities(QEMU, 'x86_64', join(folder, 'a'))
    expect(qemu).toMatchObject({
      path: QEMU,
      arch: 'x86_64',
      sha256: expect.stringMatching(/^[0-9a-f]{64}$/),
    })
    expect(qemu.version[0]).toBeGreaterThan(4)
    expect(qemu.machines.find((m) => m.alias === 'q35')).toMatchObject({
      maxCpus: expect.any(Number),
      isDeprecated: false,
    })
    expect(qemu.accelerators).toContain('tcg')
    expect(qemu.accelerators).not.toContain('')
    expect(qemu.cpuModels).toEqual(expect.arrayContaining(['max', 'qemu64']))
    expect(qemu.types).toEqual(expect.arrayContaining(['nvdimm', 'memory-backend-file', 'isa-debug-exit']))
    expect(qemu.properties.nvdimm).toEqual(
      expect.arrayContaining(['label-size', 'unarmed', 'memdev', 'node']),
    )
    expect(qemu.properties['memory-backend-file']).toEqual(
      expect.arrayContaining(['share', 'mem-path', 'host-nodes']),
    )
    expect(qemu.properties['no-such-device']).toBeUndefined()
  })

  test('is kept: the second time takes no process, and broken files are made anew', async () => {
    const cache = join(folder, 'b')
    const log = join(folder, 'started')
    const counted = join(folder, 'counted qemu')
    writeFileSync(counted, `#!/bin/sh\necho started >> '${log}'\nexec ${QEMU} "$@"\n`, { mode: 0o755 })
    const first = await readCapabilities(counted, 'x86_64', cache)
    const starts = readFileSync(log, 'utf8')
    expect(await readCapabilities(counted, 'x86_64', cache)).toEqual(first)
    expect(readFileSync(log, 'utf8')).toBe(starts)
    for (const kind of ['qemu', 'files']) {
      const [name = ''] = readdirSync(join(cache, kind))
      for (const broken of ['', '{"version":[', 'null', '{}', '"no hash"']) {
        writeFileSync(join(cache, kind, name), broken)
        expect(await readCapabilities(counted, 'x86_64', cache)).toEqual(first)
      }
      expect(readdirSync(join(cache, kind))).toEqual([name])
    }
  })

  test('does not need a cache that can be written', async () => {
    const file = join(folder, 'a file')
    writeFileSync(file, '')
    expect((await readCapabilities(QEMU, 'x86_64', file)).arch).toBe('x86_64')
  })
})

describe('a binary that is not the right one', () => {
  test('emulates another architecture', async () => {
    expect((await codeOf(readCapabilities(QEMU, 'aarch64', join(folder, 'a')))).message).toContain(
      `QEMU_WRONG_ARCH at qemu: ${QEMU} emulates x86_64, the machine is aarch64`,
    )
  })

  test.each([
    ['ends at once', '#!/bin/sh\nexit 0\n', []],
    [
      'says what is wrong',
      '#!/bin/sh\necho "cannot load libfoo.so" >&2\nexit 127\n',
      ['cannot load libfoo.so'],
    ],
    ['speaks something else', '#!/bin/sh\necho hello >&3\nexec cat <&3\n', []],
  ])('%s', async (name, text, evidence) => {
    const error = await codeOf(readCapabilities(program(name, text), 'x86_64', join(folder, 'c')))
    expect(error.diagnostics[0]).toMatchObject({ code: 'QEMU_NOT_QEMU', evidence })
  })

  test('cannot be executed by this computer', async () => {
    const error = await codeOf(
      readCapabilities(program('other arch', '\x7fELF no'), 'x86_64', join(folder, 'c')),
    )
    expect(error.code).toBe('QEMU_NOT_QEMU')
  })
})

describe('finding', () => {
  test('a path that is named', () => {
    expect(findQemu('x86_64', QEMU)).toBe(QEMU)
    for (const path of ['/no/such/qemu', folder, join(folder, 'not executable')]) {
      if (path.endsWith('executable')) writeFileSync(path, '')
      expect(() => findQemu('x86_64', path)).toThrow(
        /^QEMU_NOT_EXECUTABLE at qemu: .* is not an executable file$/m,
      )
    }
  })
  test('a name, or an architecture that is not installed', () => {
    expect(findQemu('x86_64', 'qemu-system-x86_64')).toBe(QEMU)
    expect(() => findQemu('no-such-arch')).toThrow(
      'QEMU_MISSING at qemu: there is no qemu-system-no-such-arch in PATH',
    )
  })
  test('links to one binary count once', () => {
    expect(findAllQemu('qemu-system-x86_64')).toHaveLength(1)
  })
})

test('a checksum is remembered until the file changes', () => {
  const file = join(folder, 'content')
  const cache = join(folder, 'd')
  writeFileSync(file, 'one')
  const one = contentOf(file, cache)
  expect(contentOf(file, cache)).toBe(one)
  const { atime, mtime } = statSync(file)
  writeFileSync(file, 'two')
  // The same size and times: the change time cannot be forged.
  utimesSync(file, atime, mtime)
  expect(contentOf(file, cache)).not.toBe(one)
  copyFileSync(file, `${file}2`)
  expect(contentOf(`${file}2`, cache)).toBe(contentOf(file, cache))
})

describe('firmware', () => {
  const having = (...paths: readonly string[]) =>
    findFirmware(['/opt/qemu/share'], { exists: (path) => paths.includes(path) })
  test('has one name, whatever the distribution calls it', () => {
    expect(
      having(
        '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
        '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
        '/opt/qemu/share/qboot.rom',
      ),
    ).toEqual({
      'qboot.rom': '/opt/qemu/share/qboot.rom',
      'OVMF_CODE_4M.fd': '/usr/share/edk2/x64/OVMF_CODE.4m.fd',
      'OVMF_VARS_4M.fd': '/usr/share/edk2/x64/OVMF_VARS.4m.fd',
    })
  })
  test('code is never paired with the variables of another build', () => {
    expect(having('/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_VARS.fd')).toEqual({})
    expect(
      having(
        '/usr/share/OVMF/OVMF_CODE_4M.fd',
        '/opt/qemu/share/edk2-x86_64-code.fd',
        '/opt/qemu/share/edk2-i386-vars.fd',
      ),
    ).toMatchObject({ 'OVMF_CODE_4M.fd': '/opt/qemu/share/edk2-x86_64-code.fd' })
  })
})
