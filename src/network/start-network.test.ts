/** The switch as a process, with small programs as guests. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, it, vi } from 'vitest'
import type { NetworkEvent } from './network-event.ts'
import { type NetworkInput, networkSchema } from './network-schema.ts'
import { planNetwork } from './plan-network.ts'
import type { RunningNetwork } from './running-network.ts'
import { startNetwork } from './start-network.ts'

const source = (path: string) => fileURLToPath(new URL(`../../${path}`, import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup network '))
afterAll(() => rmSync(folder, { recursive: true }))

/** A net only: what is waited for comes as soon as the computer has time. */
const NET = { timeout: 150_000 }

const NAMES = ['client', 'server']
const macOf = (name: string) => `52:54:00:00:00:0${NAMES.indexOf(name) + 1}`

function planOf(input: NetworkInput = {}, name = 'lan') {
  const cards = NAMES.map((guest) => ({ id: `${guest}/lan`, guest, mac: macOf(guest), path: '' }))
  const { plan, diagnostics } = planNetwork({
    name,
    network: networkSchema.parse(input),
    index: 0,
    cards,
    path: '',
  })
  expect(diagnostics).toEqual([])
  return plan
}

async function connect(
  network: RunningNetwork,
  guest: string,
  ...args: readonly string[]
): Promise<ChildProcess> {
  const argv = [source('test/support/frame-peer.mjs'), macOf(guest), ...args]
  const child = spawn(process.execPath, argv, {
    stdio: ['ignore', 'inherit', 'inherit', network.attach(`${guest}/lan`)],
  })
  await network.release(`${guest}/lan`)
  return child
}

const isAlive = (pid: number) => {
  try {
    return !/^State:\s+[ZX]/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'))
  } catch {
    return false
  }
}

describe('a network', () => {
  it('carries frames while the process that started it is busy', async () => {
    await using network = await startNetwork(planOf(), { folder })
    await connect(network, 'server')
    const file = join(folder, 'all back')
    await connect(network, 'client', macOf('server'), '500', file)
    // From here on no event of this process is handled until all frames are back.
    const { user, system } = process.cpuUsage()
    const limit = user + system + 120e6
    while (!existsSync(file)) {
      const now = process.cpuUsage()
      if (now.user + now.system > limit) throw new Error('the frames are not back')
    }
    const { ways } = await network.stats()
    expect(ways).toEqual([
      expect.objectContaining({ from: 'client/lan', to: 'server/lan', frames: 500, lost: 0 }),
      expect.objectContaining({ from: 'server/lan', to: 'client/lan', frames: 500, lost: 0 }),
    ])
  })

  it('keeps back what goes to guests, and a network that starts with it delivers it', async () => {
    const kept = await (async () => {
      await using network = await startNetwork(planOf(), { folder })
      await connect(network, 'server')
      await network.hold()
      await connect(network, 'client', macOf('server'), '1', join(folder, 'none back'))
      await vi.waitFor(async () => expect(await network.held()).toHaveLength(1), NET)
      const held = await network.held()
      expect((await network.stats()).ports['server/lan']).toMatchObject({ sent: 0 })
      expect(await network.backlog()).toEqual(
        new Map([
          ['client/lan', 0],
          ['server/lan', 0],
        ]),
      )
      await network.letGo()
      await vi.waitFor(() => expect(existsSync(join(folder, 'none back'))).toBe(true), NET)
      expect(await network.held()).toEqual([])
      return held
    })()
    expect(kept).toEqual([expect.objectContaining({ to: 'server/lan', afterMs: 0 })])
    await using again = await startNetwork(planOf(), { folder, kept })
    await connect(again, 'server')
    // It answers.
    await vi.waitFor(async () => expect(await again.frames({ from: 'server' })).toHaveLength(1), NET)
  })

  it('continues delays of frames', async () => {
    const faults = [{ delay: '60s', from: 'client' }]
    const kept = await (async () => {
      await using network = await startNetwork(planOf({ faults }), { folder })
      await connect(network, 'server')
      await connect(network, 'client', macOf('server'), '1', join(folder, 'never'))
      await vi.waitFor(async () => expect(await network.held()).toHaveLength(1), NET)
      const held = await network.held()
      return held
    })()
    for (const { from, afterMs } of kept) {
      expect(from).toBe('client/lan')
      expect(afterMs).toBeGreaterThan(0)
      expect(afterMs).toBeLessThanOrEqual(60_000)
    }
    await using again = await startNetwork(planOf({ faults }), { folder, kept })
    await connect(again, 'server')
    expect(await again.held()).toHaveLength(1)
    const soon = kept.map((frame) => ({ ...frame, afterMs: 1 }))
    await using last = await startNetwork(planOf({ faults }), { folder, kept: soon })
    await connect(last, 'server')
    await vi.waitFor(async () => expect(await last.frames({ from: 'server' })).toHaveLength(1), NET)
  })

  it('tells what was set while it ran', async () => {
    await using network = await startNetwork(planOf({ faults: [{ loss: 0.1 }] }), { folder })
    expect(network.changes).toEqual([])
    const fault = await network.fault({ loss: 0.5 })
    await network.partition(['client'])
    await network.link('server', 'down')
    expect(network.changes).toEqual([
      'it has faults that were set while it ran',
      'it is partitioned',
      'the link of server/lan is down',
    ])
    await fault.clear()
    await network.link('server', 'up')
    await network.partition()
    expect(network.changes).toEqual([])
    await network.heal()
    expect(network.changes).toEqual(['its described faults were taken back'])
  })

  it('obeys: faults, partition, links; and tells what guests do', async () => {
    const events: NetworkEvent[] = []
    await using network = await startNetwork(planOf({ capture: true }, 'obey'), {
      folder,
      onEvent: (event) => events.push(event),
    })
    const server = await connect(network, 'server')
    const loss = await network.fault({ loss: 1, seed: 7, from: 'client' })
    const file = join(folder, 'stuck')
    const client = await connect(network, 'client', macOf('server'), '1', file)
    await vi.waitFor(async () => expect((await network.frames({ from: 'client' })).length).toBe(1), NET)
    const [frame] = await network.frames({ to: 'server' })
    expect(frame).toMatchObject({
      from: 'client/lan',
      remarks: ['lost on the way to server/lan'],
      traffic: [],
    })
    expect(frame?.data.subarray(14).toString().trim()).toBe('0')
    await loss.clear()
    await network.partition(['client'], ['server'])
    await network.heal()
    await network.link('server', 'down')
    await network.link('server/lan', 'up')
    server.kill()
    client.kill()
    await vi.waitFor(() => expect(events.filter((e) => e.type === 'port closed').length).toBe(2), NET)
    expect(events.map((e) => e.type)).toEqual([
      'fault applied',
      'fault cleared',
      'partitioned',
      'healed',
      'link down',
      'link up',
      'port closed',
      'port closed',
    ])
    expect(JSON.parse(JSON.stringify(events))).toEqual(events)
    expect(network.captureFile).toBe(join(folder, 'obey.pcapng'))
  })

  it('refuses names and values that mean nothing, all of them', async () => {
    await using network = await startNetwork(planOf(), { folder })
    await expect(network.fault({ loss: 2, delay: 'soon' })).rejects.toMatchObject({
      diagnostics: [
        { code: 'NETWORK_FAULT_INVALID', what: expect.stringContaining('loss: 2 is not a share') },
        { code: 'NETWORK_FAULT_INVALID', what: expect.stringContaining('delay: "soon" is not a time') },
      ],
    })
    await expect(network.fault({ loss: 1, between: ['cleint', 'server'] })).rejects.toMatchObject({
      code: 'NETWORK_GUEST_UNKNOWN',
      diagnostics: [{ remedy: expect.stringContaining('did you mean "client"?') }],
    })
    await expect(network.partition(['client'], ['x', 'y'])).rejects.toMatchObject({ diagnostics: [{}, {}] })
    await expect(network.link('nobody', 'down')).rejects.toMatchObject({ code: 'NETWORK_GUEST_UNKNOWN' })
    await expect(network.frames({ from: 'nobody' })).rejects.toMatchObject({ code: 'NETWORK_GUEST_UNKNOWN' })
  })

  it('says so when its switch dies', async () => {
    const events: NetworkEvent[] = []
    await using network = await startNetwork(planOf(), { folder, onEvent: (event) => events.push(event) })
    process.kill(network.pid, 'SIGKILL')
    expect(await network.ended).toBe('it ended with SIGKILL')
    await expect(network.stats()).rejects.toMatchObject({ code: 'NETWORK_ENDED' })
    expect(events).toEqual([{ type: 'switch ended', problem: 'it ended with SIGKILL' }])
  })

  it('says why it does not start', async () => {
    await expect(
      startNetwork(planOf({ capture: true }), { folder: join(folder, 'missing') }),
    ).rejects.toMatchObject({
      code: 'NETWORK_NOT_STARTED',
      diagnostics: [{ what: expect.stringContaining('ENOENT') }],
    })
  })
})

describe('the end of a network', () => {
  it('takes its process with it, and is no event', async () => {
    const events: NetworkEvent[] = []
    const network = await startNetwork(planOf(), { folder, onEvent: (event) => events.push(event) })
    await network[Symbol.asyncDispose]()
    await network[Symbol.asyncDispose]()
    expect(isAlive(network.pid)).toBe(false)
    expect(await network.ended).toBeUndefined()
    expect(events).toEqual([])
    await expect(network.stats()).rejects.toMatchObject({ code: 'NETWORK_ENDED' })
  })

  it('comes by its signal', async () => {
    const controller = new AbortController()
    const network = await startNetwork(planOf(), { folder, signal: controller.signal })
    controller.abort()
    await network.ended
    await vi.waitFor(() => expect(isAlive(network.pid)).toBe(false), NET)
    await expect(startNetwork(planOf(), { folder, signal: controller.signal })).rejects.toThrow('aborted')
  })

  it('comes when the process that started it is killed', async () => {
    const argv = [source('scripts/run-source.mjs'), source('test/support/network-driver.ts')]
    const driver = spawn(process.execPath, [...argv, JSON.stringify(planOf()), folder], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await once(createInterface({ input: driver.stdout }), 'line')) as [string]
    expect(isAlive(Number(line))).toBe(true)
    driver.kill('SIGKILL')
    await vi.waitFor(() => expect(isAlive(Number(line))).toBe(false), NET)
  })
})
