/** Guests under a real gdb: stopped at the first instruction, continued, stopped at a breakpoint, killed. */
import { execa } from 'execa'
import { describe } from 'vitest'
import type { Guest } from '../../src/index.ts'
import { expect, test } from '../support/guests.ts'

/** The command that bringup prints, without a person. */
async function gdb(guest: Pick<Guest, 'gdb'>, ...commands: readonly string[]): Promise<string> {
  const [program = '', ...words] = guest.gdb?.command ?? []
  const script = ['-batch', '-nx', ...commands.flatMap((command) => ['-ex', command])]
  return (await execa(program, [...words, ...script], { all: true })).all
}

describe('a guest with gdb', () => {
  test('waits at its first instruction, and passes once gdb lets it go', async ({ launch }) => {
    const guest = await launch({ gdb: true }, { verify: false })
    expect(guest.gdb).toMatchObject({ isStopped: true, remote: expect.stringMatching(/^127\.0\.0\.1:\d+$/) })
    expect(guest.gdb?.symbols).toBe(guest.plan.machine.boot.kernel)
    expect(await guest.qemu.qmp.execute('query-status')).toMatchObject({
      running: false,
      status: 'prelaunch',
    })
    expect(await gdb(guest, 'print/x $cs * 16 + $pc', 'detach')).toContain('0xffff0')
    expect(await guest.done).toMatchObject({ verdict: 'passed' })
  })

  test('stops at a function by its name', async ({ launch }) => {
    const guest = await launch({ gdb: true, timeout: '10m' }, { verify: false })
    const seen = await gdb(guest, 'hbreak probe_main', 'continue', 'backtrace 1', 'delete', 'detach')
    expect(seen).toMatch(/Breakpoint 1, .*probe_main/)
    expect(await guest.done).toMatchObject({ verdict: 'passed' })
  })

  test('is interrupted where gdb kills it', async ({ launch }) => {
    const guest = await launch({ gdb: true })
    await gdb(guest, 'kill')
    expect(await guest.done).toMatchObject({ verdict: 'interrupted', meaning: 'ended by gdb' })
  })

  test('may wait long: the time-out counts from the moment in which gdb lets it go', async ({ launch }) => {
    const guest = await launch({ gdb: true, timeout: '1ms' })
    // Each answer of QEMU takes part of a millisecond; hundreds take longer than the time-out.
    for (let i = 0; i < 300; i++) await guest.qemu.qmp.execute('query-status')
    expect(guest.hasEnded).toBe(false)
    await gdb(guest, 'detach')
    expect(await guest.done).toMatchObject({ verdict: 'timed-out' })
  })

  test('runs at once with -s alone', async ({ launch }) => {
    const qemuArgs = ['-gdb', 'tcp:127.0.0.1:0']
    const guest = await launch({ qemuArgs }, { profile: 'linux' })
    expect(guest.gdb).toMatchObject({ isStopped: false })
    expect((await guest.run(['cat', '/proc/cmdline'])).stdout).toContain('nokaslr')
    expect(await gdb(guest, 'info threads', 'detach')).toContain('Thread 1.1')
    expect((await guest.run(['true'])).exitCode).toBe(0)
  })

  test('runs a Linux guest that waited', async ({ launch }) => {
    const guest = await launch({ gdb: true }, { profile: 'linux' })
    const command = guest.run(['echo', 'it runs'])
    await gdb(guest, 'detach')
    expect((await command).stdout).toBe('it runs\n')
  })
})
