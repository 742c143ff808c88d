import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { ownSuite, readSources, seenFromGuest } from './sources.ts'

const signal = new AbortController().signal

function rootWith(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'bringup sources-'))
  onTestFinished(() => rmSync(root, { recursive: true }))
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(dirname(join(root, path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}

const DEBIAN = 'ID=debian\nVERSION_CODENAME=bookworm\n'
const OWN = `Types: deb deb-src
# a comment
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg

Enabled: no
Types: deb
URIs: http://off.example/debian
Suites: bookworm
Components: main
`

test('takes the sources of this computer that belong to the suite, in both forms, and nothing else', async () => {
  const root = rootWith({
    'etc/os-release': DEBIAN,
    'etc/hosts': '127.0.0.1 localhost\n10.1.2.3 mirror.example mirror # ours\n10.9.9.9 other.example\n',
    'etc/apt/sources.list': [
      '# deb http://commented.example/debian bookworm main',
      'deb [arch=amd64 signed-by=/etc/apt/keyrings/own.gpg] http://own.example/debian bookworm-security main contrib # why',
      'deb-src http://source.example/debian bookworm main',
      'deb http://old.example/debian bullseye main',
    ].join('\n'),
    'etc/apt/sources.list.d/debian.sources': OWN,
    'etc/apt/sources.list.d/node.list': 'deb http://node.example/ nodistro main',
    'etc/apt/sources.list.d/off.list.disabled': 'deb http://disabled.example/debian bookworm main',
  })
  expect(ownSuite(root)).toBe('bookworm')
  const { sources, hosts, keys } = await readSources('bookworm', undefined, signal, root)
  expect(sources).toBe(`Types: deb
URIs: http://own.example/debian
Suites: bookworm-security
Components: main contrib
Signed-By: /etc/apt/keyrings/own.gpg

Types: deb deb-src
URIs: http://mirror.example/debian
Suites: bookworm bookworm-updates
Components: main
Signed-By: /usr/share/keyrings/debian-archive-keyring.gpg
`)
  expect(hosts).toEqual(['10.1.2.3 mirror.example mirror # ours'])
  expect(keys).toEqual(['/etc/apt/keyrings/own.gpg', '/usr/share/keyrings/debian-archive-keyring.gpg'])
})

test('another suite comes from Debian’s own servers, a mirror that is named from there alone', async () => {
  const root = rootWith({ 'etc/os-release': DEBIAN, 'etc/apt/sources.list.d/debian.sources': OWN })
  const uris = async (suite: string, mirror?: string) =>
    (await readSources(suite, mirror, signal, root)).sources
      .split('\n')
      .filter((line) => /^(URIs|Suites)/.test(line))
  expect(await uris('trixie')).toEqual([
    'URIs: http://deb.debian.org/debian',
    'Suites: trixie trixie-updates',
    'URIs: http://deb.debian.org/debian-security',
    'Suites: trixie-security',
  ])
  expect(await uris('sid')).toEqual(['URIs: http://deb.debian.org/debian', 'Suites: sid'])
  expect(await uris('bookworm', 'http://10.0.0.1/d')).toEqual(['URIs: http://10.0.0.1/d', 'Suites: bookworm'])
})

test('what is at home on this computer is at 10.0.2.2 for a guest', () => {
  expect(seenFromGuest('Acquire::http::Proxy "http://127.0.0.1:3142";')).toBe(
    'Acquire::http::Proxy "http://10.0.2.2:3142";',
  )
  expect(seenFromGuest('http://localhost/debian')).toBe('http://10.0.2.2/debian')
  expect(seenFromGuest('http://[::1]:80/ https://user@localhost.example/')).toBe(
    'http://10.0.2.2:80/ https://user@localhost.example/',
  )
})

test('a computer that is no Debian has no suite of its own', () => {
  expect(ownSuite(rootWith({ 'etc/os-release': 'ID=ubuntu\nVERSION_CODENAME=noble\n' }))).toBeUndefined()
  expect(ownSuite(rootWith({}))).toBeUndefined()
})
