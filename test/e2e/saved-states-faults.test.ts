/** Saved states under faults: nothing is left behind, and no guest has a wrong result. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  chmodSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { afterAll, describe } from 'vitest'
import { type Guest, saveState } from '../../src/index.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { planGuest } from '../../src/project/planning.ts'
import { loadProject } from '../../src/project/project.ts'
import { savedGuest } from '../../src/project/saved-guest.ts'
import { findQemu } from '../../src/qemu/find.ts'
import { launchAlone } from '../../src/runs/run.ts'
import { readState } from '../../src/states/record.ts'
import { expect, type Launch, test } from '../support/guests.ts'
import { ownStates } from '../support/own-states.ts'
import { killWhenStuck } from '../support/progress.ts'

const request = { profile: 'linux', origin: 'state' } as const
const machine: MachineInput = { memory: '128M', timeout: '20m' }
const own = ownStates()
const project = mkdtempSync(join(tmpdir(), 'bringup states faults, '))
afterAll(() => rmSync(project, { recursive: true, force: true }))

const UUID = ['cat', '/proc/sys/kernel/random/uuid']
const answerOf = async (guest: Guest, argv = UUID) => (await guest.run(argv)).stdout.trim()

/** Boots the machine once, so that it is saved. */
async function save(launch: Launch, wanted = machine): Promise<void> {
  const guest = await launch(wanted, { ...request, name: 'saves' })
  await guest.run(['true'])
  await guest.close()
}

const command = [
  process.execPath,
  fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url)),
  ...['run', '--project', project, '--profile', 'linux', '--memory', '128M', '--timeout', '20m', '--states'],
]

describe('a cache that cannot hold a state', () => {
  const ways = [
    [
      'is full',
      'size=8m',
      /; saving one when the guest is ready\n(.*\n)*not saved: no space is left in .*\/states\n/,
    ],
    ['is read-only', 'ro', /machine; none is saved: .*\/states is on a read-only file system\n$/],
  ] as const
  test.for(ways)('%s: the guest boots, passes, and leaves nothing', async ([, options, says]) => {
    own.clear()
    const script = `mount -t tmpfs -o ${options},mode=0700 states "$0" && "$@" && echo "left: $(ls -A "$0")"`
    const argv = ['--map-root-user', '--mount', 'sh', '-c', script, own.folder]
    const done = promisify(execFile)('unshare', [...argv, ...command, '--', 'echo', 'passed'])
    killWhenStuck(done.child, 300)
    const { stdout, stderr } = await done
    expect(stdout).toBe('passed\nleft: \n')
    expect(stderr).toContain('booting: no saved state for this machine')
    expect(stderr).toMatch(says)
  })

  test('is not one folder: the result has a note with the reason', async ({ launch }) => {
    own.clear()
    const guest = await launch(machine, { ...request, name: 'saves' })
    // The folder of states is found by its name again when the guest first answers.
    rmSync(own.folder, { recursive: true })
    writeFileSync(own.folder, '')
    await expect(guest).toRun(['true'])
    const { verdict, diagnostics } = await guest.close()
    expect(verdict).toBe('interrupted')
    expect(diagnostics).toMatchObject([
      { code: 'STATE_NOT_SAVED', severity: 'note', what: expect.stringMatching(/ENOTDIR|EEXIST/) },
    ])
    own.clear()
  })
})

test('Ctrl-C while a guest is saved ends the run; the state is whole, or not there', async () => {
  own.clear()
  const child = spawn(command[0] ?? '', [...command.slice(1), '--', 'sleep', '1000'], { stdio: 'ignore' })
  killWhenStuck(child, 300)
  while (readdirSync(own.folder).length === 0 && child.exitCode === null)
    await new Promise((resolve) => setTimeout(resolve, 5))
  child.kill('SIGINT')
  await once(child, 'exit')
  await expect.poll(own.partial, { timeout: 600_000 }).toEqual([])
  for (const name of own.kept()) expect(readState(join(own.folder, name))).toMatchObject({ key: name })
})

test('a QEMU that was updated does not get the states of the one before, and the reason names it', async ({
  launch,
}) => {
  own.clear()
  // QEMU finds its modules and firmware relative to its own path.
  const prefix = join(project, 'prefix')
  const qemu = join(prefix, 'bin/qemu-system-x86_64')
  mkdirSync(dirname(qemu), { recursive: true })
  const installed = realpathSync(findQemu('x86_64'))
  for (const name of ['lib', 'share']) symlinkSync(join(dirname(installed), '..', name), join(prefix, name))
  copyFileSync(installed, qemu)
  const wanted = { ...machine, qemu }
  await save(launch, wanted)
  const same = await launch(wanted, { ...request, name: 'saves' })
  expect(same.plan.origin?.kind).toBe('state')
  await same.close()
  // Bytes after the end of an ELF file do not matter to the loader.
  appendFileSync(qemu, 'another build')
  const updated = await launch(wanted, { ...request, name: 'saves' })
  expect(updated.plan.origin).toMatchObject({ kind: 'boot' })
  expect(updated.plan.origin?.because).toMatch(/differs in QEMU$/)
})

test('states whose folders were exchanged are not used: each guest is the machine that was asked for', async ({
  launch,
}) => {
  own.clear()
  const withText = (append: string) => ({ ...machine, boot: { append } })
  await save(launch, withText('good=1'))
  const [good = ''] = own.kept()
  await save(launch, withText('evil=1'))
  const evil = own.kept().find((name) => name !== good) ?? ''
  const [first, second, third] = [good, evil, 'third'].map((name) => join(own.folder, name))
  renameSync(first ?? '', third ?? '')
  renameSync(second ?? '', first ?? '')
  renameSync(third ?? '', second ?? '')
  const guest = await launch(withText('good=1'), { ...request, name: 'saves' })
  expect(guest.plan.origin).toMatchObject({ kind: 'boot' })
  expect(guest.plan.origin?.because).toContain(`is the record of another state, ${evil}`)
  expect(await answerOf(guest, ['cat', '/proc/cmdline'])).toContain('good=1')
  await guest.close()
  // It was saved in place of the other.
  expect(readState(join(own.folder, good), good)).toMatchObject({ key: good })
})

test('states in a folder to which others can write are not used, and none is saved there', async ({
  launch,
}) => {
  own.clear()
  await save(launch)
  const before = own.kept()
  chmodSync(own.folder, 0o777)
  const guest = await launch(machine, { ...request, name: 'saves' })
  const because = `other users can write to ${own.folder}`
  expect(guest.plan.origin).toEqual({ kind: 'boot', because })
  await guest.close()
  expect(own.kept()).toEqual(before)
  chmodSync(own.folder, 0o700)
  const again = await launch(machine, { ...request, name: 'saves' })
  expect(again.plan.origin?.kind).toBe('state')
})

describe('states that are deleted', () => {
  test('while a guest restored from one runs: it continues, and reboots', async ({ launch }) => {
    await save(launch)
    const guest = await launch(machine, { ...request, name: 'saves' })
    expect(guest.plan.origin?.kind).toBe('state')
    own.clear()
    await expect(guest).toRun(['sh', '-c', 'md5sum /bin/* /proc/kallsyms >/dev/null'])
    const boot = await answerOf(guest, ['cat', '/proc/sys/kernel/random/boot_id'])
    await guest.reboot()
    expect(await answerOf(guest, ['cat', '/proc/sys/kernel/random/boot_id'])).not.toBe(boot)
  })

  test('between the plan and the start: the guest boots', async ({ launch, stateFolder }) => {
    await save(launch)
    const found = await loadProject({ cwd: project, state: stateFolder })
    const described = { ...found, machines: { ...found.machines, saves: machine } }
    const planned = savedGuest(
      await planGuest({ project: described, machine: 'saves', profile: 'linux', isUnnamed: true }),
    )
    expect(planned.plan.origin?.kind).toBe('state')
    own.clear()
    await using guest = await launchAlone(planned, { stateFolder })
    expect(guest.plan.origin?.kind).toBe('boot')
    await expect(guest).toRun(['true'])
  })
})

test('a guest whose devices were changed while it ran cannot be saved: its forks would lack them', async ({
  launch,
}) => {
  const roomy = await launch({ ...machine, memory: { size: '128M', hotplug: { size: '256M' } } }, request)
  await roomy.run(['true'])
  await roomy.qemu.plug({ kind: 'nvdimm', size: '128M' })
  await expect(saveState(roomy)).rejects.toThrow(/plugged/)
})

describe('forks', () => {
  test('one that panics disturbs neither its siblings nor its state', async ({ launch }) => {
    const guest = await launch(machine, request)
    await using ready = await saveState(guest)
    const [panics, lives] = await Promise.all([ready.fork(), ready.fork()])
    await panics.run(['sh', '-c', 'echo c >/proc/sysrq-trigger']).catch(() => {})
    expect(await panics.done).toMatchObject({ verdict: 'crashed' })
    await using after = await ready.fork()
    expect(await answerOf(after)).not.toBe(await answerOf(lives))
    await lives.close()
  })

  test('64 at once all answer, each with numbers of its own', async ({ launch }) => {
    // Forks of a guest that booted map its RAM.
    own.clear()
    const guest = await launch(machine, request)
    await using ready = await saveState(guest)
    await guest.close()
    const forks = await Promise.all(Array.from({ length: 64 }, () => ready.fork()))
    const answers = await Promise.all(forks.map((fork) => answerOf(fork)))
    expect(new Set(answers).size).toBe(64)
    const ended = await Promise.all(forks.map((fork) => fork.close()))
    expect(new Set(ended.map(({ verdict }) => verdict))).toEqual(new Set(['interrupted']))
  })
})
