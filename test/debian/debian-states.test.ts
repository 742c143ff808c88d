/** Debian guests with systemd up, saved once and forked. */
import { describe } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'
import { ownStates } from '../support/own-states.ts'

/** The first test may have to make the image; without KVM a boot takes half a minute. */
const timeout = 1_800_000
ownStates()

test.override('options', { profile: 'debian' })

const said = async (guest: Guest, command: string) => (await guest.run(['sh', '-c', command])).stdout

describe.for(['direct'] as const)('started by %s', (firmware) => {
  test('boots once, and each fork has its system up, with files of its own', { timeout }, async ({
    launch,
  }) => {
    const machine = { memory: '512M', timeout: '25m', boot: { firmware } } as const
    const first = await launch(machine)
    expect(first.plan.origin).toMatchObject({ kind: 'boot' })
    const boot = await said(first, 'cat /proc/sys/kernel/random/boot_id')
    await first.close()
    const second = await launch(machine)
    expect(second.plan.origin).toMatchObject({ kind: 'state' })
    expect(await said(second, 'cat /proc/sys/kernel/random/boot_id')).toBe(boot)
    expect(await said(second, 'systemctl is-system-running --wait')).toBe('running\n')
    await said(second, 'echo seed >/root/seed; systemctl start systemd-timedated; sync')
    await using ready = await saveState(second)
    const forks = [await ready.fork(), await ready.fork()]
    const uuids = await Promise.all(
      forks.map((fork, i) =>
        said(fork, `cat /root/seed /proc/sys/kernel/random/uuid; echo ${i} >/root/seed; sync`),
      ),
    )
    for (const answer of uuids) expect(answer).toMatch(/^seed\n/)
    expect(new Set(uuids).size).toBe(2)
    for (const [i, fork] of forks.entries()) {
      expect(await said(fork, 'cat /root/seed')).toBe(`${i}\n`)
      expect(await said(fork, 'systemctl is-active systemd-timedated dbus')).toBe('active\nactive\n')
      expect(await said(fork, 'systemctl is-system-running')).toBe('running\n')
      expect(Math.abs(Number(await said(fork, 'date +%s')) - Date.now() / 1000)).toBeLessThan(60)
    }
  })
})
