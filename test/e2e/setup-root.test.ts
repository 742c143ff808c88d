/** The one door to root, tried all four ways; and `--dry-run` where nothing can be written. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { killWhenStuck } from '../support/progress.ts'
import { SETUP_CONFIG } from '../support/setup-config.ts'
import { throwAwayRoot } from '../support/throw-away-root.ts'

const SETS = JSON.stringify([
  {
    name: 'build',
    summary: 'a test',
    dependencies: [{ kind: 'program', program: 'tcpdump', packages: 'tcpdump', why: 'is a test' }],
  },
])
const PREPARE = `mkdir -p "$1/srv/project"; cat > "$1/srv/project/bringup.config.mjs" <<'END'\n${SETUP_CONFIG}END\n`
const SETUP = ['bringup', 'setup', 'build', '--project', '/srv/project', '--state', '/tmp/state']

/** Types the password each time it is asked for: sudo throws away what was typed before. */
async function answering(program: string, args: readonly string[], question: RegExp) {
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] })
  killWhenStuck(child, 600)
  const ended = once(child, 'close')
  let text = ''
  for await (const chunk of child.stdout.setEncoding('utf8')) {
    text += chunk
    if (question.test(text)) child.stdin.write('secret\n')
  }
  const [code] = await ended
  return { code, text }
}

test('root, sudo without a password, sudo that asks, and none', async () => {
  using root = throwAwayRoot()
  const user = [
    'setpriv',
    '--reuid=1000',
    '--regid=1000',
    '--init-groups',
    'env',
    'HOME=/home/someone',
    `SETS=${SETS}`,
  ]
  const run = (argv: readonly string[], prepare = '') =>
    root.run(argv, { prepare: `${PREPARE}${prepare}`, env: { SETS } })
  run(['useradd', '--create-home', '--shell', '/bin/bash', '--uid', '1000', 'someone'])
  const rule = (text: string) =>
    `echo '${text}' > "$1/etc/sudoers.d/someone"; chmod 440 "$1/etc/sudoers.d/someone"\n`

  const none = run([...user, ...SETUP, '--yes'])
  expect(none.stderr).toContain('ROOT_NEEDED')
  expect(none.stderr).toContain('sudo env DEBIAN_FRONTEND=noninteractive apt-get')
  expect(none.status).toBe(2)
  expect(root.run(['tcpdump', '--version']).status).not.toBe(0)

  const free = run([...user, ...SETUP, '--yes'], rule('someone ALL=(ALL) NOPASSWD: ALL'))
  expect(free.status, free.stderr).toBe(0)
  expect(root.run(['tcpdump', '--version']).status).toBe(0)
  expect(root.run(['sh', '-c', 'ls -ld /home/someone/.local/state/bringup/operations']).stdout).toContain(
    'someone',
  )
  const undone = run([...user, 'bringup', 'undo', '--yes'], rule('someone ALL=(ALL) NOPASSWD: ALL'))
  expect(undone.status, undone.stderr).toBe(0)
  expect(root.run(['tcpdump', '--version']).status).not.toBe(0)

  // On a terminal of script(1), sudo reads the password there: once, before the first change.
  const [first = '', ...rest] = root.words(
    [
      'script',
      '--quiet',
      '--return',
      '--command',
      [...user, ...SETUP, '--yes'].map(quote).join(' '),
      '/dev/null',
    ],
    {
      prepare: `${PREPARE}${rule('someone ALL=(ALL) ALL')}echo someone:secret | chroot "$1" chpasswd
mkdir -p "$1/dev/pts"; mount --bind /dev/pts "$1/dev/pts"\n`,
      env: { SETS },
    },
  )
  const asked = await answering(first, rest, /password for someone[^\n]*$/)
  expect(asked.text.match(/password for someone/g), asked.text).toHaveLength(1)
  expect(asked.code, asked.text).toBe(0)

  const asRoot = run(['bringup', 'setup', 'build', '--project', '/srv/project', '--json'])
  expect(JSON.parse(asRoot.stdout)).toMatchObject({ state: 'nothing-to-do' })
}, 400_000)

test('--dry-run needs nothing that can be written', () => {
  using root = throwAwayRoot()
  const readOnly = `${PREPARE}mkdir -p "$1/scratch"; mount -t tmpfs tmpfs "$1/scratch"; mount -o remount,bind,ro "$1"\n`
  const { stderr, status } = root.run([...SETUP.slice(0, 5), '--dry-run'], {
    prepare: readOnly,
    env: { SETS, TMPDIR: '/scratch', XDG_CACHE_HOME: '/nowhere', XDG_STATE_HOME: '/nowhere' },
  })
  expect(stderr).toContain('install tcpdump')
  expect(status, stderr).toBe(0)
  // The same, without --dry-run, cannot even write its journal: the file systems really are read-only.
  const wet = root.run([...SETUP.slice(0, 5), '--yes'], {
    prepare: readOnly,
    env: { SETS, XDG_STATE_HOME: '/srv/state' },
  })
  expect(wet.stderr).toContain('JOURNAL_UNWRITABLE')
}, 200_000)

function quote(word: string): string {
  return `'${word.replaceAll("'", "'\\''")}'`
}
