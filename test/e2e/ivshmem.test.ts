/** Memory that guests share, with real QEMU: what they see of it, what they write and read, and interrupts between them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, beforeAll, vi } from 'vitest'
import { type Guest, launchRack, type RunEvent, startService } from '../../src/index.ts'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { linuxProfile } from '../../src/project/profiles/linux.ts'
import { loadProject } from '../../src/project/project.ts'
import { parseRack } from '../../src/project/rack.ts'
import { planRun } from '../../src/project/run-planning.ts'
import { startRun } from '../../src/runs/run.ts'
import { ivshmemService } from '../../src/services/ivshmem/ivshmem-server.ts'
import { MiB } from '../../src/units.ts'
import { expect, test } from '../support/guests.ts'
import { testKernel } from '../support/test-kernel.ts'

const runtime = mkdtempSync(join(tmpdir(), 'run-'))
const folder = mkdtempSync(join(tmpdir(), 'ivshmem, '))
beforeAll(() => {
  vi.stubEnv('XDG_RUNTIME_DIR', runtime)
})
afterAll(() => {
  rmSync(folder, { recursive: true })
  rmSync(runtime, { recursive: true })
})

const meeting = (peers: number, id?: number) => ({
  boot: { append: `ivshmem-meet=${peers}${id === undefined ? '' : ` ivshmem-id=${id}`}` },
  timeout: '20m' as const,
})

/** What the probe kernel says of each peer that it met. */
function peersOf(console: string) {
  return console.split('\n').flatMap((line) => {
    const at = line.indexOf('{"t":"ivshmem-peer"')
    return at === -1
      ? []
      : [
          JSON.parse(line.slice(at)) as {
            own: number
            peer: number
            pattern: boolean
            rung: number
            heard: number
          },
        ]
  })
}

/** Names of what services have made and not removed; locks of shared ones stay. */
const leftovers = () =>
  existsSync(join(runtime, 'bringup'))
    ? readdirSync(join(runtime, 'bringup')).filter((name) => !/\.(lock|join)$/.test(name))
    : []

async function outcome(guest: Guest) {
  const { verdict, meaning } = await guest.done
  const rows = (await guest.verify()).filter((row) => row.device.startsWith('ivshmem '))
  return {
    verdict,
    meaning,
    rows: rows.map(({ aspect, got, ok }) => `${aspect} ${got}${ok ? '' : ' (wrong)'}`),
    peers: peersOf(guest.console.text),
  }
}

test('a machine with memory of its own, whether firmware gives it an address or not', async ({ launch }) => {
  const devices = [{ kind: 'ivshmem', size: '1M' }] as const
  for (const rom of ['qboot', 'seabios'] as const) {
    const { boot, timeout } = meeting(1)
    const guest = await launch({ boot: { ...boot, rom }, timeout, devices: [...devices] })
    expect(await outcome(guest)).toMatchObject({
      verdict: 'passed',
      rows: ['PCI function 1af4:1110', 'size 1M', 'vectors 0'],
      peers: [{ own: 0, peer: 0, pattern: true, rung: 0, heard: 0 }],
    })
  }
  const uefi = await launch({ boot: { firmware: 'uefi' }, devices: [...devices] })
  expect(await outcome(uefi)).toMatchObject({
    verdict: 'passed',
    rows: ['PCI function 1af4:1110', 'size 1M', 'vectors 0'],
  })
})

test('two machines that have one file open, each of which reads what the other wrote', async ({ launch }) => {
  const file = join(folder, 'window')
  const devices = [{ kind: 'ivshmem', size: '64K', file }] as const
  const guests = await Promise.all(
    [0, 1].map((id) => launch({ ...meeting(2, id), devices: [...devices] }, { name: `peer-${id}` })),
  )
  const ends = await Promise.all(guests.map(outcome))
  expect(ends.map((end) => [end.verdict, end.peers])).toEqual(
    [0, 1].map((own) => [
      'passed',
      [{ t: 'ivshmem-peer', own, peer: 1 - own, pattern: true, rung: 0, heard: 0 }],
    ]),
  )
})

test('a machine with a server of its own rings itself', async ({ launch }) => {
  const guest = await launch({ ...meeting(1), devices: [{ kind: 'ivshmem', size: '4K', vectors: 3 }] })
  expect(await outcome(guest)).toMatchObject({
    verdict: 'passed',
    rows: ['PCI function 1af4:1110', 'size 4K', 'vectors 3'],
    peers: [{ own: 0, peer: 0, pattern: true, rung: 3, heard: 3 }],
  })
  expect(leftovers()).toEqual([])
})

test('two machines and a server that runs already', async ({ launch }) => {
  const spec = await ivshmemService('window', { size: MiB, vectors: 2 }, { cacheFolder: cacheFolder() })
  await using server = await startService(spec)
  const device = { kind: 'ivshmem', size: '1M', vectors: 2, socket: join(server.folder, 'socket') } as const
  const guests = await Promise.all(
    ['one', 'two'].map((name) => launch({ ...meeting(2), devices: [device] }, { name })),
  )
  const ends = await Promise.all(guests.map(outcome))
  expect(ends.map(({ verdict }) => verdict)).toEqual(['passed', 'passed'])
  expect(
    ends.flatMap(({ peers }) => peers.map((p) => [p.own, p.peer, p.pattern, p.rung, p.heard])).toSorted(),
  ).toEqual([
    [0, 1, true, 2, 2],
    [1, 0, true, 2, 2],
  ])
})

test('a rack: three guests write, read and ring each other; its server is gone with the run', async ({
  stateFolder,
}) => {
  const events: RunEvent[] = []
  await using run = await launchRack(
    {
      memory: { window: { size: '1M', vectors: 2 }, plain: { size: '64K' } },
      guests: {
        peer: { machine: meeting(3), count: 3, memory: ['window', 'plain'] },
      },
    },
    { state: stateFolder, onEvent: (event) => events.push(event) },
  )
  const { verdict, folder: runFolder } = await run.done
  expect(verdict).toBe('passed')
  const peers = ['peer-1', 'peer-2', 'peer-3'].map((name) => peersOf(run.guests[name]?.console.text ?? ''))
  // Numbers are given in the order of the description.
  expect(peers).toEqual(
    [0, 1, 2].map((own) =>
      [0, 1, 2]
        .filter((peer) => peer !== own)
        .map((peer) => ({ t: 'ivshmem-peer', own, peer, pattern: true, rung: 2, heard: 2 })),
    ),
  )
  const rows = await Promise.all(Object.values(run.guests).map((guest) => guest.verify()))
  const seen = rows[0]
    ?.filter((row) => row.device.startsWith('ivshmem '))
    .map((row) => `${row.device} ${row.aspect} ${row.got}`)
  expect(seen).toContain('ivshmem window size 1M')
  expect(seen).toContain('ivshmem plain size 64K')
  expect(rows.flat().filter((row) => !row.ok)).toEqual([])
  expect(events.map((e) => e.type).filter((type) => type.startsWith('service'))).toEqual([
    'service started',
    'service ready',
    'service ended',
  ])
  expect(readFileSync(join(runFolder, 'services/memory-window/log'), 'utf8')).toContain('peer 2 joined\n')
  expect(leftovers()).toEqual([])
})

test('memory is new for each run', async ({ stateFolder }) => {
  const rack = {
    memory: { window: { size: '64K' } },
    guests: {
      peer: { machine: meeting(2, 0), memory: ['window'] },
      other: { machine: meeting(2, 1), memory: ['window'] },
    },
  } as const
  for (let run = 0; run < 2; run++) {
    await using running = await launchRack(rack as never, { state: stateFolder })
    expect((await running.done).verdict).toBe('passed')
  }
})

test('a memory that the rack does not have', async ({ stateFolder }) => {
  const rack = { guests: { peer: { machine: {}, memory: ['window'] } } }
  await expect(launchRack(rack, { state: stateFolder })).rejects.toThrow(
    'IVSHMEM_SIZE_MISSING at racks.rack.guests.peer.memory[0]',
  )
})

test('services of a rack run before its guests and end after them; one that does not start keeps them from starting', async ({
  stateFolder,
}) => {
  const events: string[] = []
  const onEvent = ({ type }: RunEvent) => events.push(type)
  const guests = { one: { machine: { memory: '64M', timeout: '20m' } } }
  const services = {
    watch: { argv: ['sh', '-c', 'echo here; exec sleep 1000'], ready: { pattern: 'here' } },
  } as const
  await using run = await launchRack({ guests, services: services as never }, { state: stateFolder, onEvent })
  const result = await run.done
  expect(result.verdict).toBe('passed')
  const of = (...types: string[]) => events.filter((type) => types.includes(type))
  expect(of('service ready', 'guest starting')).toEqual(['service ready', 'guest starting'])
  expect(of('service ended', 'guest ended')).toEqual(['guest ended', 'service ended'])
  const broken = { watch: { argv: ['sh', '-c', 'echo no; exit 1'], ready: { pattern: 'here' } } } as const
  await expect(launchRack({ guests, services: broken as never }, { state: stateFolder })).rejects.toThrow(
    'SERVICE_NOT_READY',
  )
  expect(leftovers()).toEqual([])
})

test('a service that dies is a finding of the run', async ({ stateFolder }) => {
  const over = join(stateFolder, 'over')
  const script = 'echo here; echo why; until [ -e "$0" ]; do sleep 0.1; done; exit 5'
  const services = { brief: { argv: ['sh', '-c', script, over] } } as const
  // It exits with the byte that is typed.
  const kernel = join(stateFolder, 'typed.elf')
  writeFileSync(kernel, testKernel('ready\n', 'typed'))
  const guests = { one: { machine: { memory: '64M', boot: { kernel }, debugExit: true, timeout: '20m' } } }
  await using run = await launchRack({ guests, services: services as never }, { state: stateFolder })
  const died = new Promise<void>((resolve) => {
    run.onEvent(({ type }) => type === 'service ended' && resolve())
  })
  writeFileSync(over, '')
  await died
  run.guests.one?.console.write('\0')
  const { verdict, diagnostics } = await run.done
  expect(verdict).toBe('failed')
  expect(diagnostics[0]).toMatchObject({ code: 'SERVICE_DIED', evidence: expect.arrayContaining(['why']) })
})

test('SIGKILL of bringup takes the guests and their server along', async () => {
  const driver = fileURLToPath(new URL('../support/rack-driver.ts', import.meta.url))
  const runSource = fileURLToPath(new URL('../../scripts/run-source.mjs', import.meta.url))
  const rack = {
    memory: { window: { size: '1M', vectors: 1 } },
    guests: {
      peer: { machine: { boot: { append: 'ready-hang' }, timeout: '20m' }, count: 2, memory: ['window'] },
    },
  }
  const child = spawn(process.execPath, [runSource, driver, join(folder, 'killed'), JSON.stringify(rack)], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  const pids: number[] = []
  for await (const line of createInterface({ input: child.stdout })) {
    const event = JSON.parse(line) as { type: string; pid?: number }
    if (event.pid !== undefined) pids.push(event.pid)
    if (event.type === 'all started') break
  }
  expect(pids).toHaveLength(3)
  expect(leftovers()).not.toEqual([])
  child.kill('SIGKILL')
  await once(child, 'exit')
  const alive = () => pids.filter((pid) => existsSync(`/proc/${pid}`))
  await vi.waitFor(() => expect(alive()).toEqual([]), { timeout: 60_000 })
  await vi.waitFor(() => expect(leftovers()).toEqual([]), { timeout: 60_000 })
})

test('Linux guests see it, and one reads what the other wrote; locks in a shared folder do not keep them apart', async ({
  stateFolder,
  signal,
}) => {
  const program = join(folder, 'shared-memory')
  const source = fileURLToPath(new URL('shared-memory.c', import.meta.url))
  await execa('cc', ['-static', '-O1', '-o', program, source])
  const named = 'linux-shared'
  const profile = linuxProfile({ name: named, programs: [program, 'flock'] })
  const shared = join(folder, 'shared')
  mkdirSync(shared)
  const devices = [
    { kind: 'folder', id: 'shared', path: shared, guest: '/mnt/shared', access: 'rw' },
  ] as const
  const found = await loadProject({ cwd: stateFolder, state: stateFolder })
  const rack = parseRack(
    {
      memory: { window: { size: '1M', vectors: 2 } },
      guests: {
        peer: {
          machine: { timeout: '20m', devices: [...devices] },
          profile: named,
          count: 2,
          memory: ['window'],
        },
      },
    },
    ['racks', 'linux'],
  )
  const project = { ...found, profiles: [profile], racks: { linux: rack } }
  await using run = startRun(await planRun({ project, rack: 'linux', signal }), { stateFolder, signal })
  await run.started
  const { 'peer-1': one, 'peer-2': two } = run.guests
  for (const guest of [one, two]) {
    const rows = (await guest?.verify())?.filter((row) => row.device === 'ivshmem window')
    expect(rows?.map(({ aspect, got, ok }) => [aspect, got, ok])).toEqual([
      ['PCI function', '1af4:1110', true],
      ['size', '1M', true],
      ['vectors', '2', true],
    ])
  }
  const pci = (await one?.view())?.ivshmems?.[0]?.address
  const memory = `/sys/bus/pci/devices/0000:${pci}/resource2`
  expect(await one?.run([program, memory, 'write', 'hello from one'])).toMatchObject({ exitCode: 0 })
  expect(await two?.run([program, memory, 'read'])).toMatchObject({ stdout: 'hello from one\n', exitCode: 0 })
  // QEMU grants each request for a lock (hw/9pfs/9p.c, v9fs_lock): only the guest's own kernel knows the lock.
  const hold = 'flock /mnt/shared/lock sleep 1000 < /dev/null > /dev/null 2>&1 &'
  await one?.run(['sh', '-c', `${hold} while flock -n /mnt/shared/lock true; do :; done`])
  expect(await one?.run(['flock', '-n', '/mnt/shared/lock', 'true'])).toMatchObject({ exitCode: 1 })
  expect(await two?.run(['flock', '-n', '/mnt/shared/lock', 'true'])).toMatchObject({ exitCode: 0 })
})
