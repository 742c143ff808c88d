/**
 * `npm run soak:forks -- --forks 200 [--jobs 2]`: forks of one state. Prints which numbers of different forks are equal, how far
 * their clocks are from that of the host, and what the process holds after the first forks and after the last ones.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import type { Guest } from '../src/guest/guest.ts'
import { launch } from '../src/launch.ts'
import { saveState } from '../src/saved-state.ts'

const { values } = parseArgs({
  options: { forks: { type: 'string', default: '200' }, jobs: { type: 'string', default: '2' } },
})
/** Forks after which the first and the last measurements are made. */
const WARM = 50

const folder = mkdtempSync(join(tmpdir(), 'bringup-forks-'))
const count = Number(values.forks)
const seen = new Map<string, Set<string>>()
const offsets: number[] = []
/** How long the questions took, which bounds what is known of the clocks. */
const exchanges: number[] = []
const times: number[] = []
const held: ReturnType<typeof holding>[] = []
try {
  const machine = { memory: '128M', timeout: '60m' }
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    `import { defineConfig, linuxProfile } from 'bringup'
export default defineConfig({ profiles: [linuxProfile({ name: 'keys', programs: ['ssh-keygen'] })] })\n`,
  )
  await using guest = await launch(machine, { profile: 'keys', origin: 'state', folder, state: folder })
  await using ready = await saveState(guest)
  let next = 0
  const work = async () => {
    while (next < count) {
      const index = next++
      const began = performance.now()
      await using fork = await ready.fork()
      await look(fork)
      times.push(performance.now() - began)
      await fork.close()
      rmSync(fork.folder.path, { recursive: true, force: true })
      if (index === WARM || index === count - 1) held.push(holding())
      if ((index + 1) % 100 === 0) console.log(`${index + 1} forks, ${JSON.stringify(holding())}`)
    }
  }
  await Promise.all(Array.from({ length: Number(values.jobs) }, work))
} finally {
  rmSync(folder, { recursive: true, force: true })
}
for (const [name, all] of seen) console.log(`${name}: ${all.size} different of ${count}`)
const outside = offsets.map(Math.abs).toSorted((a, b) => a - b)
console.log(
  `clock outside of the exchange by at most ${outside.at(-1)?.toFixed(1)} ms, median ${outside[outside.length >> 1]?.toFixed(1)} ms`,
)
console.log(`exchanges took ${median(exchanges)} ms (median), the shortest ${Math.min(...exchanges)} ms`)
console.log(
  `first ${WARM}: ${median(times.slice(0, WARM)).toFixed(0)} ms, last ${WARM}: ${median(times.slice(-WARM)).toFixed(0)} ms`,
)
for (const state of held) console.log(JSON.stringify(state))
process.exit([...seen.values()].every(({ size }) => size === count) ? 0 : 1)

/** What must differ between forks, and the clock: how far it is outside of the time that the question took. */
async function look(fork: Guest): Promise<void> {
  // QEMU has translated the code after the first question, so that the second one takes less.
  await fork.run(['adjtimex'])
  const before = Date.now()
  const { stdout } = await fork.run(['adjtimex'])
  const after = Date.now()
  const [seconds, microseconds] = ['sec', 'usec'].map(
    (unit) => new RegExp(`time\\.tv_${unit}: +(\\d+)`).exec(stdout)?.[1],
  )
  const clock = 1000 * Number(seconds) + Number(microseconds) / 1000
  if (!Number.isFinite(clock)) throw new Error(`no time: ${stdout}`)
  offsets.push(clock < before ? clock - before : clock > after ? clock - after : 0)
  exchanges.push(after - before)
  const { stdout: drawn } = await fork.run([
    'sh',
    '-c',
    'cat /proc/sys/kernel/random/uuid /proc/sys/kernel/random/boot_id; head -c 32 /dev/urandom | md5sum',
  ])
  const [uuid = '', boot = '', key = ''] = drawn.split('\n')
  const hostKey = ['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/tmp/host-key']
  const { stderr, exitCode } = await fork.run(hostKey)
  if (exitCode !== 0) throw new Error(`no host key: ${stderr}`)
  const ssh = (await fork.readFile('/tmp/host-key.pub')).toString().split(' ')[1] ?? ''
  const drawnNow = { uuid, boot_id: boot, '256 bits for a key': key, 'SSH host key': ssh }
  for (const [name, value] of Object.entries(drawnNow)) {
    const all = seen.get(name) ?? new Set()
    seen.set(name, all.add(value))
  }
}

/** Of this process and of the folders that it writes to. */
function holding() {
  globalThis.gc?.()
  const status = readFileSync('/proc/self/status', 'utf8')
  const size = (path: string) => readdirSync(path, { recursive: true }).length
  return {
    residentMiB: Math.round(Number(/VmRSS:\s+(\d+)/.exec(status)?.[1]) / 1024),
    descriptors: readdirSync('/proc/self/fd').length,
    files: size(folder),
    inTmp: readdirSync(tmpdir()).length,
  }
}

function median(list: readonly number[]): number {
  return list.toSorted((a, b) => a - b)[list.length >> 1] ?? 0
}
