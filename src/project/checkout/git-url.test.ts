import { describe, expect, test } from 'vitest'
import {
  anchorUrl,
  displayUrl,
  folderNameOf,
  type GitUrl,
  hostOf,
  httpsBaseOf,
  isSameRepository,
  parseGitUrl,
} from './git-url.ts'

const parsed = (text: string): GitUrl => {
  const url = parseGitUrl(text)
  if (url === undefined) throw new Error(`${text} was not understood`)
  return url
}

test.each([
  [
    'git@github.com:me/os.git',
    { kind: 'ssh', prefix: 'git@github.com:', user: 'git', host: 'github.com', path: 'me/os.git' },
  ],
  ['host:/srv/os.git', { kind: 'ssh', prefix: 'host:/', host: 'host', path: 'srv/os.git' }],
  ['git@[::1]:os', { kind: 'ssh', prefix: 'git@[::1]:', host: '[::1]', path: 'os' }],
  ['ssh://git@host:2222/me/os', { kind: 'ssh', prefix: 'ssh://git@host:2222/', port: '2222', path: 'me/os' }],
  ['git+ssh://host/os', { kind: 'ssh', prefix: 'git+ssh://host/', path: 'os' }],
  ['https://me:secret@host/os.git', { kind: 'https', user: 'me:secret', host: 'host', path: 'os.git' }],
  ['git://[::1]:9418/os', { kind: 'git', host: '[::1]', port: '9418', path: 'os' }],
  ['file:///srv/os.git', { kind: 'file', path: '/srv/os.git' }],
  ['/srv/a:b', { kind: 'file', path: '/srv/a:b' }],
  ['../os', { kind: 'file', path: '../os' }],
])('%s is read as git reads it', (text, expected) => expect(parsed(text)).toMatchObject(expected))

test.each([
  'linux',
  'ext::sh -c date',
  'fd::17',
  '-oProxyCommand=date',
  'ssh://-oProxyCommand=date/os',
  'ssh://-a@host/os',
  '-a@host:os',
  'ftp://host/os',
  'https://host',
  'https:///os',
  'git@host:',
  'host:os\n',
  '',
])('%j is no address', (text) => expect(parseGitUrl(text)).toBeUndefined())

test('a folder is named from where the user is', () => {
  expect(anchorUrl(parsed('../os'), '/home/me')).toMatchObject({ text: '/home/os', path: '/home/os' })
  expect(anchorUrl(parsed('git@h:../os'), '/home/me').text).toBe('git@h:../os')
})

test('HTTPS is asked at the port of its own', () => {
  expect(httpsBaseOf(parsed('ssh://git@host:2222/os'))).toBe('https://host/')
  expect(hostOf(parsed('ssh://git@host:2222/os'))).toBe('git@host:2222')
})

test('passwords are not shown', () => {
  expect(displayUrl(parsed('https://me:secret@host/os'))).toBe('https://me@host/os')
  expect(displayUrl(parsed('https://host/os'))).toBe('https://host/os')
  expect(hostOf(parsed('https://me:secret@host/os'))).toBe('me@host')
})

describe('the same repository', () => {
  const same = (a: string, b: string) => isSameRepository(parsed(a), parsed(b))
  test('by another protocol or user, with or without .git', () => {
    expect(same('git@GitHub.com:me/os.git', 'https://github.com/me/os/')).toBe(true)
    expect(same('ssh://git@h:22/me/os', 'h:me/os')).toBe(true)
    expect(same('/srv/os', 'file:///srv/os/.git')).toBe(true)
  })
  test('not another one', () => {
    expect(same('git@h:me/os', 'git@h:me/os2')).toBe(false)
    expect(same('git@h:me/os', 'git@i:me/os')).toBe(false)
    expect(same('/srv/os', 'https://srv/os')).toBe(false)
  })
})

test.each([
  ['git@h:me/os.git', 'os'],
  ['git@h:os', 'os'],
  ['https://h/me/os.git/', 'os'],
  ['/srv/os/.git', 'os'],
  ['/', undefined],
  ['../..', undefined],
])('%s goes to the folder %s', (text, name) => expect(folderNameOf(parsed(text))).toBe(name))
