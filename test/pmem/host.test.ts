/**
 * The whole way, on a guest that stands for the computer that bringup is used on: plan, apply, reboot, resume, a machine
 * whose NVDIMM lies on the emulated memory, undo, reboot, RAM is back.
 */
import { fileURLToPath } from 'node:url'
import { afterAll, beforeAll, describe } from 'vitest'
import type { Guest } from '../../src/guest/guest.ts'
import { expect, test } from '../../src/testing/index.ts'
import { makeToolsDisk, type ToolsDisk } from './tools-disk.ts'

const folder = fileURLToPath(new URL('project', import.meta.url))
const TEST_MS = 1_500_000
const SIZE = 256 * 2 ** 20

let tools: ToolsDisk
beforeAll(async () => {
  tools = await makeToolsDisk()
})
afterAll(() => tools[Symbol.dispose]())

/** A program in the guest; what it prints counts only if it went well. */
async function run(guest: Guest, ...argv: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(argv, { timeoutMs: 600_000 })
  if (exitCode !== 0) throw new Error(`${argv.join(' ')} ended with ${exitCode}\n${stdout}${stderr}`)
  return stdout
}

/** `bringup … --json` in the guest: its exit code and its answer. */
async function bringup(guest: Guest, ...argv: readonly string[]) {
  await run(guest, 'sh', '-c', 'mountpoint -q /opt || mount -o ro LABEL=tools /opt')
  const words = ['/opt/node', '/opt/bringup/dist/cli/bin.js', ...argv, '--json']
  const { stdout, stderr, exitCode } = await guest.run(words, { env: { HOME: '/root' }, timeoutMs: 600_000 })
  try {
    return { exitCode, answer: JSON.parse(stdout) as Answer }
  } catch {
    throw new Error(`bringup ${argv.join(' ')} ended with ${exitCode}\n${stdout}${stderr}`)
  }
}

interface Answer {
  readonly state?: string
  readonly next?: string
  readonly regions?: readonly Record<string, unknown>[]
  readonly diagnostics: readonly { readonly code: string; readonly what: string }[]
}

const BOOT_FOLDERS = '/boot/grub /etc/default /etc/grub.d /etc/systemd/system /etc/fstab /mnt'

/** Every file that starting the computer depends on, with its mode, owner and content. */
const bootFiles = (guest: Guest) =>
  run(
    guest,
    ...['sh', '-c'],
    `find ${BOOT_FOLDERS} -printf '%p %y %m %U %l\\n' | sort; find ${BOOT_FOLDERS} -type f -print0 | sort -z | xargs -0 sha256sum`,
  )

const ramKiB = async (guest: Guest) =>
  Number(/MemTotal:\s+(\d+)/.exec(await run(guest, 'cat', '/proc/meminfo'))?.[1])

const INNER = [
  ...['qemu-system-x86_64', '-machine', 'q35,nvdimm=on', '-m', '128M,slots=1,maxmem=1G', '-display', 'none'],
  ...['-object', 'memory-backend-file,id=m,share=on,mem-path=/mnt/pmem0/vm1,size=64M,pmem=on'],
  ...['-device', 'nvdimm,memdev=m', '-kernel', '/opt/probe', '-serial', 'stdio', '-no-reboot'],
]

/** What the probe kernel, in a QEMU inside the guest, finds on an NVDIMM whose store is a file on /mnt/pmem0. */
async function innerMachine(guest: Guest): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(INNER, { timeoutMs: 300_000 })
  expect(exitCode, stdout + stderr).toBe(0)
  expect(stdout).toContain('"t":"end","exit":16')
  expect(stderr).not.toContain('requesting persistence across crashes')
  return stdout
}

describe.for(['bios', 'uefi'] as const)('a computer with GRUB on %s', (firmware) => {
  test('gives RAM to persistent memory, uses it, and gets it back', { timeout: TEST_MS }, async ({
    launch,
  }) => {
    const guest = await launch(
      {
        cpu: 2,
        memory: '2G',
        boot: { firmware },
        devices: [{ kind: 'disk', id: 'tools', file: tools.file }],
      },
      { profile: 'host', folder },
    )
    const before = await bootFiles(guest)
    const ramBefore = await ramKiB(guest)

    const plan = await bringup(guest, 'pmem', 'plan', '--size', '256M')
    expect(plan.answer.diagnostics).toEqual([])
    expect(plan.answer.regions).toMatchObject([{ bytes: SIZE, node: 0, parameter: 'memmap=256M!1G' }])
    expect(await bootFiles(guest)).toBe(before)

    const apply = await bringup(guest, 'pmem', 'apply', '--size', '256M', '--mount', '--unit', '--yes')
    expect(apply).toMatchObject({ exitCode: 0, answer: { state: 'awaiting-reboot' } })
    expect(await run(guest, 'cat', '/boot/grub/custom.cfg')).toContain('(before bringup)')
    const waiting = await bringup(guest, 'pmem', 'status')
    expect(waiting.answer).toMatchObject({
      state: 'awaiting-reboot',
      regions: [{ state: 'awaiting-reboot' }],
    })

    await guest.reboot({ orderly: true })
    expect(await ramKiB(guest)).toBeLessThan(ramBefore - 250_000)
    const ready = await bringup(guest, 'pmem', 'status')
    expect(ready.answer).toMatchObject({
      state: 'awaiting-reboot',
      regions: [{ state: 'ready', device: '/dev/pmem0', node: 0, start: 2 ** 30, isDax: false }],
      next: 'Next: bringup resume',
    })
    expect(await bringup(guest, 'resume', '--yes')).toMatchObject({ exitCode: 0, answer: { state: 'done' } })
    const mounted = await bringup(guest, 'pmem', 'status')
    expect(mounted.answer).toMatchObject({
      state: 'done',
      regions: [{ state: 'ready', mountPoint: '/mnt/pmem0', isDax: true }],
      next: 'Next: bringup run --nvdimm 128M,file=/mnt/pmem0/vm1,pmem=on',
    })

    expect(await innerMachine(guest)).toContain('"state":"new"')
    expect(await innerMachine(guest)).toContain('"state":"kept"')

    if (firmware === 'bios') {
      // The unit mounts it again; a reset leaves what is in RAM.
      await guest.reboot({ orderly: true })
      const again = await bringup(guest, 'pmem', 'status')
      expect(again.answer).toMatchObject({
        state: 'done',
        regions: [{ mountPoint: '/mnt/pmem0', isDax: true }],
      })
      expect(await run(guest, 'ls', '/mnt/pmem0')).toContain('vm1')
    }

    const refused = await bringup(guest, 'pmem', 'undo', '--yes')
    expect(refused).toMatchObject({ exitCode: 2, answer: { diagnostics: [{ code: 'PMEM_HAS_FILES' }] } })
    const undone = await bringup(guest, 'pmem', 'undo', '--yes', '--discard-data')
    expect(undone).toMatchObject({ exitCode: 0, answer: { state: 'undone' } })
    expect(await bootFiles(guest)).toBe(before)

    await guest.reboot({ orderly: true })
    expect(await ramKiB(guest)).toBe(ramBefore)
    const after = await bringup(guest, 'pmem', 'status')
    expect(after.answer).toMatchObject({ state: 'none', regions: [] })
  })
})

test('a region on each of two nodes, with XFS, where the node says so', { timeout: TEST_MS }, async ({
  launch,
}) => {
  const guest = await launch(
    {
      cpu: 2,
      memory: '3G',
      numa: 2,
      boot: { firmware: 'bios' },
      devices: [{ kind: 'disk', id: 'tools', file: tools.file }],
    },
    { profile: 'host', folder },
  )
  // XFS wants 300 MB at least (mkfs.xfs 6.1).
  const wish = ['--size', '384M', '--count', '2', '--fs', 'xfs', '--mount-at', '/mnt/node{node}']
  const apply = await bringup(guest, 'pmem', 'apply', ...wish, '--yes')
  expect(apply).toMatchObject({ exitCode: 0, answer: { state: 'awaiting-reboot' } })
  await guest.reboot({ orderly: true })
  expect(await bringup(guest, 'resume', '--yes')).toMatchObject({ exitCode: 0, answer: { state: 'done' } })
  const { answer } = await bringup(guest, 'pmem', 'status')
  expect(answer.regions).toMatchObject([
    { state: 'ready', node: 0, mountPoint: '/mnt/node0', isDax: true },
    { state: 'ready', node: 1, mountPoint: '/mnt/node1', isDax: true },
  ])
  const types = await run(guest, 'findmnt', '--noheadings', '--output', 'TARGET,FSTYPE', '--types', 'xfs')
  expect(types).toMatch(/\/mnt\/node0 +xfs\n\/mnt\/node1 +xfs/)
})
