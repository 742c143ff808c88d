import { expect, test } from 'vitest'
import { diagnoseFailure, kindOfFailure } from './git-failure.ts'
import { parseGitUrl } from './git-url.ts'

const failed = (stderr: string) => ({ exitCode: 128, stdout: '', stderr, isTimedOut: false })

// As git, OpenSSH, libcurl and hosting services word them; the end-to-end tests cause those that are possible here.
test.each([
  [
    'git@h: Permission denied (publickey,password).\nfatal: Could not read from remote repository.',
    'GIT_SSH_DENIED',
  ],
  [
    'ssh: connect to host h port 22: Connection refused\nfatal: Could not read from remote repository.',
    'GIT_HOST_UNREACHABLE',
  ],
  [
    'ssh: connect to host h port 22: Connection timed out\nfatal: Could not read from remote repository.',
    'GIT_HOST_UNREACHABLE',
  ],
  [
    'ssh: Could not resolve hostname h: Name or service not known\nfatal: Could not read from remote repository.',
    'GIT_HOST_UNREACHABLE',
  ],
  ['ERROR: Repository not found.\nfatal: Could not read from remote repository.', 'GIT_NOT_A_REPOSITORY'],
  [
    "fatal: '/srv/x' does not appear to be a git repository\nfatal: Could not read from remote repository.",
    'GIT_NOT_A_REPOSITORY',
  ],
  [
    'kex_exchange_identification: Connection closed by remote host\nfatal: Could not read from remote repository.',
    'GIT_CONNECTION_BROKEN',
  ],
  [
    'error: RPC failed; curl 18 transfer closed with outstanding read data remaining\nfatal: early EOF',
    'GIT_CONNECTION_BROKEN',
  ],
  ['fatal: unable to access x: The requested URL returned error: 503', 'GIT_FAILED'],
  ['fatal: unable to access x: gnutls_handshake() failed: Error in the pull function.', 'GIT_CERTIFICATE'],
  [
    "remote: Invalid username or password.\nfatal: Authentication failed for 'https://h/x'",
    'GIT_AUTH_REQUIRED',
  ],
  ['error: cannot run ssh: No such file or directory\nfatal: unable to fork', 'GIT_SSH_MISSING'],
  ["fatal: detected dubious ownership in repository at '/srv/x'", 'GIT_FOREIGN_FOLDER'],
  [
    'fatal: write error: No space left on device\nfatal: fetch-pack: invalid index-pack output',
    'GIT_NO_SPACE',
  ],
  ['fatal: something new', 'GIT_FAILED'],
])('%j', (stderr, code) => expect(kindOfFailure(failed(stderr)).code).toBe(code))

test('names what to do with the host at hand, and hides passwords', () => {
  const ssh = parseGitUrl('ssh://git@host:2222/os')
  const unknown = failed('Host key verification failed.\nfatal: Could not read from remote repository.')
  expect(diagnoseFailure(unknown, { doing: 'fetching', ...(ssh ? { url: ssh } : {}) }).remedy).toContain(
    'ssh -T git@host -p 2222)',
  )
  const https = parseGitUrl('https://me:secret@host/os')
  const found = diagnoseFailure(failed("fatal: repository 'https://me:secret@host/os' not found"), {
    doing: 'asking',
    ...(https ? { url: https } : {}),
  })
  expect(found).toMatchObject({ code: 'GIT_NOT_A_REPOSITORY', what: 'asking https://me@host/os failed' })
  expect(JSON.stringify(found)).not.toContain('secret')
})

test('the folder that is to be trusted is named, as one word', () => {
  const words = (folder: string) =>
    diagnoseFailure(failed(`fatal: detected dubious ownership in repository at '${folder}'`), {
      doing: 'looking at the tree',
    }).remedy
  expect(words('/srv/os')).toMatch(/safe\.directory \/srv\/os$/)
  expect(words("/srv/my os's")).toMatch(/safe\.directory '\/srv\/my os'\\''s'$/)
})

test('no answer in time is one, whatever git said', () => {
  expect(kindOfFailure({ ...failed(''), isTimedOut: true }).code).toBe('GIT_HOST_UNREACHABLE')
})
