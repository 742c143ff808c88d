/** `bringup setup` with the real apt, in root file systems that are discarded. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { expect, test } from 'vitest'
import { SETUP_CONFIG, setsOf } from '../support/setup-config.ts'
import { type ThrowAwayRoot, throwAwayRoot } from '../support/throw-away-root.ts'

/** Everything below /etc with owners, modes and content, and every package with its state. */
const SNAPSHOT = `cd /etc && find . -printf '%p %m %u:%g %y %l\\n' | sort; find . -type f | sort | xargs -d '\\n' sha256sum
dpkg-query --show --showformat='\${Package} \${Version} \${db:Status-Abbrev}\\n'; apt-mark showauto; ls /var/lib`

function snapshot(root: ThrowAwayRoot): string {
  const { stdout, status, stderr } = root.run(['sh', '-c', SNAPSHOT])
  expect(stderr).toBe('')
  expect(status).toBe(0)
  return stdout
}

type Options = Parameters<ThrowAwayRoot['run']>[1]

/** The words that run bringup in a project whose `build` set has these dependencies. */
function words(dependencies: readonly object[], argv: readonly string[], options: Options = {}) {
  const project = `mkdir -p "$1/root/project"; cat > "$1/root/project/bringup.config.mjs" <<'END'\n${SETUP_CONFIG}END\n`
  return [
    ['bringup', ...argv, '--project', '/root/project'],
    {
      ...options,
      prepare: `${project}${options.prepare ?? ''}`,
      env: { SETS: setsOf(dependencies), ...options.env },
    },
  ] as const
}

function bringup(root: ThrowAwayRoot, ...what: Parameters<typeof words>) {
  return root.run(...words(...what))
}

function start(root: ThrowAwayRoot, ...what: Parameters<typeof words>) {
  return root.words(...words(...what))
}

const program = (name: string, packages = name) => ({
  kind: 'program',
  program: name,
  packages,
  why: 'is a test',
})

test('packages with users, groups and conffiles: installed once, and undone byte for byte', () => {
  using root = throwAwayRoot()
  const wanted = [
    program('tcpdump'),
    { ...program('tcpdump'), kind: 'capability', capabilities: ['cap_net_raw'] },
    program('ibv_devinfo', 'ibverbs-utils'),
    program('bc'),
  ]
  bringup(root, wanted, ['setup', '--list'])
  const before = snapshot(root)
  const first = bringup(root, wanted, ['setup', 'build', '--yes'])
  expect(first.stderr).toContain('+ install tcpdump, ibverbs-utils, bc')
  expect(first.status, first.stderr).toBe(0)
  // Commands are shown as root runs them.
  expect(first.stderr).toMatch(/^ {2}\$ DEBIAN_FRONTEND=noninteractive apt-get install /m)
  expect(root.run(['getcap', '/usr/bin/tcpdump']).stdout).toContain('cap_net_raw=ep')
  const installed = snapshot(root)
  expect(installed).toContain('libibverbs1')
  const second = bringup(root, wanted, ['setup', 'build', '--json'])
  expect(JSON.parse(second.stdout), second.stderr).toMatchObject({ state: 'nothing-to-do', steps: [] })
  expect(snapshot(root)).toBe(installed)
  const undone = bringup(root, wanted, ['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot(root)).toBe(before)
})

/** The codes of what a command says went wrong, and all of it as text. */
function findings(result: { stdout: string; stderr: string }) {
  const { diagnostics = [] } = JSON.parse(result.stdout) as { diagnostics?: { code: string; what: string }[] }
  return { codes: diagnostics.map((d) => d.code), text: JSON.stringify(diagnostics) }
}

test('what is in the way is explained, and nothing is changed', () => {
  using root = throwAwayRoot()
  const wanted = [program('tcpdump')]
  bringup(root, wanted, ['setup', '--list'])
  const before = snapshot(root)

  const unknown = findings(bringup(root, [program('tcpdumb')], ['setup', 'build', '--yes', '--json']))
  expect(unknown.codes).toEqual(['PACKAGE_UNKNOWN'])
  expect(unknown.text).toContain('near: tcpdump')

  const locker = `import fcntl, signal
f = open("/var/lib/dpkg/lock-frontend", "w"); fcntl.lockf(f, fcntl.LOCK_EX); open("/run/locked", "w").write("1"); signal.pause()`
  const locked = bringup(root, wanted, ['setup', 'build', '--yes', '--json'], {
    prepare: `mkfifo "$1/run/locked"; chroot "$1" python3 -c '${locker}' </dev/null >/dev/null 2>&1 &\nread -r _ <"$1/run/locked" || :`,
  })
  expect(findings(locked).codes).toEqual(['PACKAGES_LOCKED'])
  expect(findings(locked).text).toMatch(/held by python3 \(process \d+\)/)

  const full = bringup(
    root,
    [program('qemu-system-x86_64', 'qemu-system-x86')],
    ['setup', 'build', '--yes', '--json'],
    {
      prepare: 'mount -t tmpfs -o size=1M tmpfs "$1/var/cache/apt/archives"',
    },
  )
  expect(findings(full).codes).toEqual(['PACKAGES_NO_SPACE'])

  root.run(['apt-mark', 'hold', 'libpcap0.8'])
  expect(findings(bringup(root, wanted, ['setup', 'build', '--yes', '--json'])).codes).toEqual([
    'PACKAGES_HELD',
  ])
  root.run(['apt-mark', 'unhold', 'libpcap0.8'])

  const dry = bringup(root, wanted, ['setup', 'build', '--dry-run', '--json'])
  expect(JSON.parse(dry.stdout)).toMatchObject({ state: 'planned' })
  const nobody = ['setpriv', '--reuid=65534', '--regid=65534', '--clear-groups']
  const refused = root.run(
    [...nobody, 'bringup', 'setup', 'build', '--yes', '--json', '--project', '/root/project'],
    {
      prepare: 'chmod -R a+rX "$1/root"',
      env: {
        HOME: '/nonexistent',
        XDG_STATE_HOME: '/tmp/state',
        SETS: setsOf(wanted),
      },
    },
  )
  expect(findings(refused).codes, refused.stderr).toEqual(['ROOT_NEEDED'])
  expect(findings(refused).text).toContain('sudo env DEBIAN_FRONTEND=noninteractive apt-get install')
  root.run(['chmod', '-R', 'go-rX', '/root'])
  expect(snapshot(root)).toBe(before)

  const offline = bringup(root, wanted, ['setup', 'build', '--yes', '--json'], { hasNetwork: false })
  expect(findings(offline).codes).toEqual(['PACKAGES_NO_NETWORK'])
  expect(bringup(root, wanted, ['undo', '--yes']).status).toBe(0)
  expect(snapshot(root)).toBe(before)
})

test('what others would lose is left alone: packages that would go, and packages that others need by now', () => {
  using root = throwAwayRoot()
  bringup(root, [program('bc')], ['setup', '--list'])
  const before = snapshot(root)
  // It conflicts with sudo, which is there.
  const onlyPackage = (packages: string) => [{ kind: 'package', packages, why: 'is a test' }]
  const rival = bringup(root, onlyPackage('sudo-ldap'), ['setup', 'build', '--yes', '--json'])
  expect(findings(rival).codes, rival.stderr).toEqual(['PACKAGES_WOULD_GO'])
  expect(findings(rival).text).toContain('sudo')
  expect(snapshot(root)).toBe(before)
  const library = onlyPackage('libpcap0.8')
  const done = bringup(root, library, ['setup', 'build', '--yes'])
  expect(done.status, done.stderr).toBe(0)
  expect(root.run(['apt-get', 'install', '--yes', 'tcpdump']).status).toBe(0)
  const installed = snapshot(root)
  const kept = bringup(root, library, ['undo', '--yes', '--json'])
  expect(findings(kept).codes, kept.stderr).toEqual(['PACKAGES_NEEDED_BY_OTHERS'])
  expect(findings(kept).text).toContain('needed by tcpdump')
  expect(snapshot(root)).toBe(installed)
  expect(root.run(['apt-get', 'purge', '--yes', 'tcpdump']).status).toBe(0)
  const undone = bringup(root, library, ['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot(root)).toBe(before)
})

test('a disk that is full when dpkg unpacks: said, nothing half configured, and gone on with', () => {
  using root = throwAwayRoot()
  const wanted = [program('tcpdump')]
  bringup(root, wanted, ['setup', '--list'])
  const before = snapshot(root)
  // Too small for what the packages bring, on a file system of its own that is not checked beforehand.
  const full = bringup(root, wanted, ['setup', 'build', '--yes', '--json'], {
    prepare: 'mount -t tmpfs -o size=4k tmpfs "$1/usr/share/doc"',
  })
  expect(findings(full).codes, full.stderr).toEqual(['PACKAGES_NO_SPACE'])
  // What dpkg had unpacked it has taken back; only a trigger of libc may wait for the next call.
  expect(root.run(['dpkg', '--audit']).stdout).not.toMatch(/half|configured|unpacked|reinst/)
  const undone = bringup(root, wanted, ['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot(root)).toBe(before)
})

test('a user who may not open a device joins its group, by sudo, and is out of it again, byte for byte', () => {
  using root = throwAwayRoot()
  const device = `mknod -m 0660 "$1/srv/device" c 1 3; chown 0:44 "$1/srv/device"`
  root.run(['useradd', '--create-home', 'someone'])
  root.run(['sh', '-c', 'echo "someone ALL=(ALL) NOPASSWD: ALL" > /etc/sudoers.d/someone'])
  root.run(['true'], { prepare: device })
  const wanted = [{ kind: 'device-access', path: '/srv/device', group: 'video', why: 'is a test' }]
  const asSomeone = (argv: readonly string[]) => {
    const [command, options] = words(wanted, argv, { prepare: 'chmod -R a+rX "$1/root"' })
    // A log-in: groups are those of /etc/group now.
    return root.run(['runuser', '-u', 'someone', '--', ...command], {
      ...options,
      env: { ...options.env, HOME: '/home/someone' },
    })
  }
  const groups = () => root.run(['id', '-Gn', 'someone']).stdout.trim()
  const before = snapshot(root)
  expect(groups()).toBe('someone')
  const done = asSomeone(['setup', 'build', '--yes'])
  expect(done.status, done.stderr).toBe(0)
  expect(done.stderr).toContain('sudo -n usermod --append --groups video someone')
  expect(done.stderr).toContain('GROUP_AT_NEXT_LOGIN')
  expect(groups()).toBe('someone video')
  expect(JSON.parse(asSomeone(['setup', 'build', '--json']).stdout)).toMatchObject({ state: 'nothing-to-do' })
  const undone = asSomeone(['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(groups()).toBe('someone')
  expect(snapshot(root)).toBe(before)
})

test('killed with dpkg at work: the next start says so, finishes it, and can take it back', async () => {
  using root = throwAwayRoot()
  const wanted = [program('tcpdump'), program('bc')]
  bringup(root, wanted, ['setup', '--list'])
  const before = snapshot(root)
  const [first = '', ...rest] = start(root, wanted, ['setup', 'build', '--yes'])
  const child = spawn(first, rest, { stdio: ['ignore', 'ignore', 'pipe'] })
  const ended = once(child, 'close')
  for await (const chunk of child.stderr.setEncoding('utf8'))
    if (/Unpacking/.test(chunk)) child.kill('SIGKILL')
  await ended
  const again = findings(bringup(root, wanted, ['setup', 'build', '--yes', '--json']))
  expect(again.codes).toEqual(['OPERATION_HALF_DONE'])
  const resumed = bringup(root, wanted, ['resume', '--yes'])
  expect(resumed.status, resumed.stderr).toBe(0)
  expect(root.run(['sh', '-c', 'dpkg --audit; tcpdump --version; bc --version']).status).toBe(0)
  const undone = bringup(root, wanted, ['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot(root)).toBe(before)
})

test('no lists, a half-configured package and an unknown release: said, fixed, and gone on with', () => {
  using root = throwAwayRoot()
  const wanted = [program('tcpdump')]
  root.run([
    'sh',
    '-c',
    'cd /tmp && apt-get download bc && dpkg --unpack bc_*.deb && rm -r /var/lib/apt/lists/*',
  ])
  expect(root.run(['dpkg', '--audit']).stdout).toContain('bc')
  root.run(['sed', '-i', 's/^VERSION_ID=.*/VERSION_ID="99"/', '/etc/os-release'])
  const { status, stderr } = bringup(root, wanted, ['setup', 'build', '--yes'])
  expect(stderr).toContain('DISTRIBUTION_RELEASE_UNKNOWN')
  expect(stderr).toContain('there are no lists of packages yet')
  expect(stderr).toContain('half done: bc')
  expect(status, stderr).toBe(0)
  expect(root.run(['sh', '-c', 'tcpdump --version && bc --version']).status).toBe(0)
})
