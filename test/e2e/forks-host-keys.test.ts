/** Keys that forks make, as an SSH server does when it starts first, are different. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import { expect, test } from '../support/guests.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-host-keys-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
writeFileSync(
  join(folder, 'bringup.config.ts'),
  `import { defineConfig, linuxProfile } from 'bringup'
export default defineConfig({ profiles: [linuxProfile({ name: 'keys', programs: ['ssh-keygen'] })] })\n`,
)

const hostKey = async (guest: Guest) => {
  await guest.run(['ssh-keygen', '-q', '-t', 'ed25519', '-N', '', '-f', '/tmp/key'], { timeoutMs: 600_000 })
  return (await guest.readFile('/tmp/key.pub')).toString()
}

test('SSH host keys of forks', async ({ launch }) => {
  const guest = await launch({ memory: '128M', timeout: '20m' }, { folder, profile: 'keys', origin: 'state' })
  await using ready = await saveState(guest)
  const forks = await Promise.all([ready.fork(), ready.fork(), ready.fork()])
  const keys = await Promise.all([guest, ...forks].map(hostKey))
  for (const key of keys) expect(key).toMatch(/^ssh-ed25519 \S{68} /)
  expect(new Set(keys).size).toBe(4)
  await Promise.all(forks.map((fork) => fork.close()))
})
