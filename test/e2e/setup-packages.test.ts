/** `bringup setup` with the real apt, in root file systems that are thrown away. */
import { expect, test } from 'vitest'
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

const CONFIG = `import { defineProfile } from 'bringup'
const own = defineProfile({
  name: 'own', summary: 'a test', defaults: {}, hasShell: false, verifiesByDefault: false,
  judgement: { exitCodes: {}, panicPatterns: [], onPowerOff: 'passed', onReset: 'stop' },
  prepare: async () => ({ machine: {} }),
  dependencies: JSON.parse(process.env.SETS ?? '[]'),
})
export default { profiles: [own], profile: 'own' }
`

/** Runs bringup in a project whose `build` set has these dependencies. */
function bringup(
  root: ThrowAwayRoot,
  dependencies: readonly object[],
  argv: readonly string[],
  options: Parameters<ThrowAwayRoot['run']>[1] = {},
) {
  const sets = [{ name: 'build', summary: 'a test', dependencies }]
  const prepare = `mkdir -p "$1/root/project"; cat > "$1/root/project/bringup.config.mjs" <<'END'\n${CONFIG}END\n${options.prepare ?? ''}`
  return root.run(['bringup', ...argv, '--project', '/root/project'], {
    ...options,
    prepare,
    env: { SETS: JSON.stringify(sets), ...options.env },
  })
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
  expect(root.run(['getcap', '/usr/bin/tcpdump']).stdout).toContain('cap_net_raw=ep')
  const installed = snapshot(root)
  expect(installed).toContain('libibverbs1')
  const second = bringup(root, wanted, ['setup', 'build', '--json'])
  expect(JSON.parse(second.stdout), second.stderr).toMatchObject({ state: 'nothing-to-do', steps: [] })
  expect(snapshot(root)).toBe(installed)
  const undone = bringup(root, wanted, ['undo', '--yes'])
  expect(undone.status, undone.stderr).toBe(0)
  expect(snapshot(root)).toBe(before)
}, 400_000)
