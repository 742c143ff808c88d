import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { upstreamOf } from '../packages/archive.ts'
import { choosePackage, packagesIn, sourceLines } from './apt-source.ts'

/** As `apt-cache madison qemu` prints it; lines of binary packages are left out. */
const MADISON = `      qemu | 1:11.1.3+ds-1 | http://deb.debian.org/debian unstable/main Sources
      qemu | 1:10.0.13+ds-0+deb13u1 | http://deb.debian.org/debian stable/main Sources
      qemu | 1:10.0.2+ds-2+deb13u1~bpo12+1 | http://deb.debian.org/debian bookworm-backports/main Sources
      qemu | 1:7.2+dfsg-7+deb12u18 | http://deb.debian.org/debian bookworm/main Sources
 qemu-user | 1:7.2+dfsg-7+deb12u18 | http://deb.debian.org/debian bookworm/main amd64 Packages
`

let root: string
beforeEach(() => {
  root = mkdtempSync(join(tmpdir(), 'bringup-apt-source-'))
  mkdirSync(join(root, 'etc/apt/sources.list.d'), { recursive: true })
})
afterEach(() => rmSync(root, { recursive: true, force: true }))

test('versions of QEMU are read from those of source packages', () => {
  const reversed = MADISON.trimEnd().split('\n').toReversed().join('\n')
  expect(packagesIn(reversed)).toEqual(packagesIn(MADISON))
  expect(packagesIn(MADISON).map((p) => [p.upstream, p.suite])).toEqual([
    ['11.1.3', 'unstable'],
    ['10.0.13', 'stable'],
    ['10.0.2', 'bookworm-backports'],
    ['7.2', 'bookworm'],
  ])
  expect(upstreamOf('1:8.2.2+ds-0ubuntu1.4')).toBe('8.2.2')
})

test('a series takes its newest package; a stable update of a series is in the package of the series', () => {
  const all = packagesIn(MADISON)
  expect(choosePackage('10.0', all).upstream).toBe('10.0.13')
  expect(choosePackage('10.0.2', all).suite).toBe('bookworm-backports')
  expect(choosePackage('7.2.22', all).suite).toBe('bookworm')
  expect(() => choosePackage('8.2', all)).toThrow(/11\.1\.3 \(unstable\), 10\.0\.13 \(stable\)/)
  expect(() => choosePackage('1', all)).toThrow(/QEMU_SOURCE_UNKNOWN/)
})

test('each suite is a line of its own, from the mirror and with the key of this system', () => {
  writeFileSync(join(root, 'etc/os-release'), 'ID=debian\nVERSION_CODENAME=bookworm\n')
  mkdirSync(join(root, 'keys'))
  writeFileSync(join(root, 'keys/own.gpg'), '')
  writeFileSync(
    join(root, 'etc/apt/sources.list.d/own.sources'),
    'Types: deb\nURIs: http://mirror.example/debian\nSuites: bookworm bookworm-updates\nComponents: main\nSigned-By: /keys/own.gpg\n',
  )
  const lines = sourceLines(root)
  expect(lines[0]).toBe('deb-src [signed-by=/keys/own.gpg] http://mirror.example/debian bookworm main')
  expect(lines.map((line) => line.split(' ')[3])).toContain('unstable')
  expect(sourceLines(root, 'trixie').map((line) => line.split(' ')[3])).toEqual(['trixie'])
})

test('a distribution without such source packages is named', () => {
  writeFileSync(join(root, 'etc/os-release'), 'ID=fedora\n')
  expect(() => sourceLines(root)).toThrow(/QEMU_NO_APT.*fedora/s)
})
