/** The one door to root, tried all four ways; and `--dry-run` where nothing can be written. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'
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

/** Runs a command in a terminal of tmux, and types the password when the screen asks for it. */
async function answering(argv: readonly string[], question: RegExp) {
  const folder = mkdtempSync(join(tmpdir(), 'sudo-'))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  const config = join(folder, 'config')
  // The pane stays when the command has ended: its screen and its exit code can be read.
  writeFileSync(config, 'set -g remain-on-exit on\nset -g history-limit 10000\n')
  const tmux = async (...words: readonly string[]) =>
    (await execa('tmux', ['-S', join(folder, 'tmux'), '-f', config, ...words])).stdout
  const screen = () => tmux('capture-pane', '-p', '-J', '-S', '-')
  const ended = () => tmux('display-message', '-p', '#{pane_dead} #{pane_dead_status}')
  try {
    await tmux('new-session', '-d', '-x', '200', '-y', '50', ...argv)
    await expect.poll(screen, UNHURRIED).toMatch(question)
    await tmux('send-keys', 'secret', 'Enter')
    await expect.poll(ended, UNHURRIED).toMatch(/^1 /)
    return { text: await screen(), code: Number((await ended()).slice(2)) }
  } finally {
    await tmux('kill-server').catch(() => {})
  }
}

/** A net only. */
const UNHURRIED = { timeout: 240_000, interval: 100 }

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

  // On a terminal sudo reads the password there: once, before the first change.
  const words = root.words([...user, ...SETUP, '--yes'], {
    prepare: `${PREPARE}${rule('someone ALL=(ALL) ALL')}echo someone:secret | chroot "$1" chpasswd
mkdir -p "$1/dev/pts"; mount --bind /dev/pts "$1/dev/pts"\n`,
    env: { SETS },
  })
  const asked = await answering(words, /password for someone/)
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
