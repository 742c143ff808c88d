/**
 * What the other package managers print: recorded words of dnf and zypper, the form of the manuals for pacman and apk.
 * `npm run test:managers` runs dnf, pacman and zypper.
 */
import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import * as apk from './apk.ts'
import * as dnf from './dnf.ts'
import { loadManager, MANAGER_OF } from './index.ts'
import * as pacman from './pacman.ts'
import * as zypper from './zypper.ts'

const recorded = (name: string) =>
  readFileSync(new URL(`../../../test/fixtures/packages/${name}`, import.meta.url), 'utf8')

test('dnf 4: the table of a transaction', () => {
  const text = `Dependencies resolved.
================================================================================
 Package          Arch       Version                Repository           Size
================================================================================
Installing:
 flex             x86_64     2.6.4-16.fc40          fedora              301 k
Installing dependencies:
 m4               x86_64     1.4.19-9.fc40          fedora              305 k
Upgrading:
 glibc            x86_64     2.39-22.fc40           updates             2.2 M

Transaction Summary
================================================================================
Install  2 Packages
Upgrade  1 Package

Total download size: 2.8 M
Installed size: 1.5 M
`
  const found = dnf.parseTransaction(text)
  expect(found).toMatchObject({ added: ['flex', 'm4'], upgraded: ['glibc'], removed: [] })
  expect(found.cost.downloadBytes).toBe(Math.round(2.8 * 1024 * 1024))
  expect([...dnf.parseRpm('gcc\t14.2-1\npackage flex is not installed\n')]).toEqual([['gcc', '14.2-1']])
})

test('pacman: what it would fetch', () => {
  const here = pacman.parseQuery('glibc 2.40-1\n')
  expect(pacman.parsePrint('flex\t320000\nglibc\t10000000\n', here)).toEqual({
    added: ['flex'],
    upgraded: ['glibc'],
    cost: { downloadBytes: 10_320_000 },
  })
})

test('pacman: what does not go together', () => {
  const about =
    'Name            : a\nConflicts With  : None\n\nName            : b\nConflicts With  : c  d-e>=1:2.0-1  f=3\n'
  expect(pacman.parseConflicts(about)).toEqual([
    { name: 'c', relation: '', version: '' },
    { name: 'd-e', relation: '>=', version: '1:2.0-1' },
    { name: 'f', relation: '=', version: '3' },
  ])
})

test('dnf: recorded tables, broken at 80 columns, unbroken, and of dnf 5', () => {
  const broken = dnf.parseTransaction(recorded('dnf4-rhel8.txt'))
  const follow = ['perl-IO', 'perl-Net-SSLeay', 'perl-Scalar-List-Utils', 'perl-IO-Socket-IP']
  expect(broken).toMatchObject({ added: ['git', ...follow], upgraded: [], removed: [] })
  expect(broken.cost).toEqual({ downloadBytes: 20 * 1024 ** 2, diskBytes: 73 * 1024 ** 2 })
  expect(dnf.parseTransaction(recorded('dnf4-debian12.txt'))).toEqual({
    added: ['flex-tool', 'perl-Scalar-List-Utils-With-A-Long-Name'],
    upgraded: ['base-library'],
    removed: [],
    cost: { downloadBytes: 0, diskBytes: 0 },
  })
  expect(dnf.parseTransaction(recorded('dnf5-fedora42.txt'))).toEqual({
    added: ['snapm', 'python3-snapm', 'boom-boot'],
    upgraded: [],
    removed: [],
    cost: { downloadBytes: 475 * 1024, diskBytes: 2 * 1024 ** 2 },
  })
})

test('zypper: its recorded summaries, and its search', () => {
  expect(zypper.parseSummary(recorded('zypper-install.xml'))).toEqual({
    added: ['flex-tool', 'perl-Scalar-List-Utils-With-A-Long-Name'],
    upgraded: ['base-library'],
    removed: [],
    cost: { downloadBytes: 920_333, diskBytes: 600_050 },
  })
  expect(zypper.parseSummary(recorded('zypper-remove.xml')).removed).toEqual(['base-library'])
  expect(zypper.parseSearch('S  | Name | Summary | Type\n---+---\n   | flex | Fast | package\n')).toEqual([
    'flex',
  ])
})

test('apk: its simulation', () => {
  const text = '(1/2) Installing m4 (1.4.19-r3)\n(2/2) Installing flex (2.6.4-r6)\nOK: 9 MiB in 17 packages\n'
  expect(apk.parseSimulation(text)).toEqual({ added: ['m4', 'flex'], upgraded: [], removed: [] })
})

test('every one installs and removes as root, without asking, and comes to its end', async () => {
  for (const name of Object.values(MANAGER_OF)) {
    const manager = await loadManager(name)
    for (const command of [manager.installCommand(['flex']), manager.removeCommand(['flex'])]) {
      expect(command).toMatchObject({ asRoot: true, whenOrphaned: 'finish' })
      expect(command.argv.at(-1)).toBe('flex')
    }
  }
  expect((await loadManager('dnf')).installCommand(['flex']).argv.join(' ')).toBe(
    'dnf --assumeyes install --setopt=install_weak_deps=False flex',
  )
  expect((await loadManager('pacman')).explain(['error: target not found: flexx'])[0]?.code).toBe(
    'PACKAGE_UNKNOWN',
  )
})
