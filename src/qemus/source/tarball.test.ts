import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { judgeMembers, parseListing, unpackTarball } from './tarball.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-tarball-'))
  mkdirSync(join(folder, 'qemu-9.9.0/sub'), { recursive: true })
  writeFileSync(join(folder, 'qemu-9.9.0/VERSION'), '9.9.0\n')
  writeFileSync(join(folder, 'qemu-9.9.0/sub/a b -> c'), 'odd name\n')
  symlinkSync('../VERSION', join(folder, 'qemu-9.9.0/sub/version'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const pack = (...args: readonly string[]) => {
  const tarball = join(folder, 'qemu.tar.xz')
  execFileSync('tar', ['--create', '--xz', `--file=${tarball}`, `--directory=${folder}`, ...args])
  return tarball
}
const unpack = (tarball: string) =>
  unpackTarball({ tarball, to: join(folder, 'tree'), signal: new AbortController().signal, environment: {} })

test('a release is unpacked without its outer folder, links within it included', async () => {
  await unpack(pack('qemu-9.9.0'))
  expect(readdirSync(join(folder, 'tree')).sort()).toEqual(['VERSION', 'sub'])
  expect(readFileSync(join(folder, 'tree/sub/version'), 'utf8')).toBe('9.9.0\n')
  expect(existsSync(join(folder, 'tree/sub/a b -> c'))).toBe(true)
})

test('a member that leads out of the folder is refused, and nothing is written', async () => {
  writeFileSync(join(folder, 'evil'), 'evil')
  const tarball = pack(
    '--absolute-names',
    '--transform=s,^evil,qemu-9.9.0/../../evil-twin,',
    'qemu-9.9.0',
    'evil',
  )
  await expect(unpack(tarball)).rejects.toMatchObject({ code: 'QEMU_TARBALL_UNSAFE' })
  expect(existsSync(join(folder, 'tree'))).toBe(false)
  expect(existsSync(join(folder, '../evil-twin'))).toBe(false)
})

test('an absolute member is refused', async () => {
  const path = join(folder, 'evil')
  writeFileSync(path, 'evil')
  await expect(unpack(pack('--absolute-names', 'qemu-9.9.0', path))).rejects.toMatchObject({
    code: 'QEMU_TARBALL_UNSAFE',
  })
})

test('links that lead out are left out, as a real release has one; a file behind one is refused', async () => {
  symlinkSync('/opt/X11/include', join(folder, 'qemu-9.9.0/X11'))
  symlinkSync('../../other', join(folder, 'qemu-9.9.0/sub/other'))
  await unpack(pack('qemu-9.9.0'))
  expect(readdirSync(join(folder, 'tree')).sort()).toEqual(['VERSION', 'sub'])
  expect(readdirSync(join(folder, 'tree/sub')).sort()).toEqual(['a b -> c', 'version'])
  const { unsafe } = judgeMembers([
    { kind: 'd', name: 'q/' },
    { kind: 'l', name: 'q/etc', target: '/etc' },
    { kind: '-', name: 'q/etc/passwd' },
  ])
  expect(unsafe).toEqual(['q/etc/passwd lies behind a link that leads out of the folder'])
})

test('hard links out of the tree and devices are refused', () => {
  const { unsafe } = judgeMembers([
    { kind: 'd', name: 'q/' },
    { kind: 'h', name: 'q/shadow', target: '/etc/shadow' },
    { kind: 'h', name: 'q/near', target: 'q/../../x' },
    { kind: 'c', name: 'q/null' },
    { kind: 'p', name: 'q/pipe' },
  ])
  expect(unsafe).toHaveLength(4)
})

test('a truncated tarball is refused', async () => {
  const tarball = pack('qemu-9.9.0')
  const whole = readFileSync(tarball)
  writeFileSync(tarball, whole.subarray(0, whole.length - 40))
  await expect(unpack(tarball)).rejects.toMatchObject({ code: 'QEMU_TARBALL_UNREADABLE' })
})

test('the listing of tar is read, names with spaces included; what it does not know is unsafe', () => {
  const odd = '-rw-r--r-- a b/root 1 2025-01-01 10:00 "q/a"'
  const members = parseListing([
    '-rw-r--r-- 0/0      1234 2025-01-01 10:00 "q/a b"',
    'lrwxrwxrwx 0/0         0 2025-01-01 10:00 "q/l" -> "../x"',
    'hrw-r--r-- 0/0         0 2025-01-01 10:00 "q/h" link to "q/a"',
    'crw-r--r-- 0/0       1,3 2025-01-01 10:00 "q/null"',
    odd,
    '',
  ])
  expect(members).toEqual([
    { kind: '-', name: 'q/a b' },
    { kind: 'l', name: 'q/l', target: '../x' },
    { kind: 'h', name: 'q/h', target: 'q/a' },
    { kind: 'c', name: 'q/null' },
    { kind: '?', name: odd },
  ])
  expect(judgeMembers(members).unsafe.at(-1)).toContain('cannot judge')
})

test('an owner with spaces and a link with an arrow in its name hide nothing', async () => {
  symlinkSync('/etc', join(folder, 'qemu-9.9.0/x -> y'))
  await unpack(pack('--owner=a b:7', '--group=c d:8', 'qemu-9.9.0'))
  expect(readdirSync(join(folder, 'tree')).sort()).toEqual(['VERSION', 'sub'])
})
