/** RDMA in software between two real guests: the devices, programs that people use, loss and partition. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'
import {
  ADDRESSES,
  ENDLESS,
  PINGPONG,
  RDMA_CONFIG,
  RDMA_PAIR,
  type RdmaStep,
  RPING,
  runBoth,
  startBoth,
  UCMATOSE,
  WRITE,
} from '../support/rdma-pair.ts'

function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bringup rdma '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'bringup.config.ts'), RDMA_CONFIG)
  return folder
}

describe('soft-RoCE between two guests', () => {
  test('is there as described, moves data, survives loss, and a partition ends with the right error', async ({
    launchRack,
  }) => {
    const run = await launchRack(RDMA_PAIR, { folder: project() })
    const { server, client } = run.guests
    const { lan } = run.networks
    if (!server || !client || !lan) throw new Error('no pair')
    for (const [guest, address] of [
      [server, ADDRESSES.server],
      [client, ADDRESSES.client],
    ] as const) {
      const gid = `::ffff:${address}`
      const wanted = { netdev: 'eth0', linkLayer: 'Ethernet', gid, gidType: 'RoCE v2' }
      await expect(guest).toHaveRdmaDevice('rxe0', wanted)
      await expect(guest).toSeeItsMachine()
      await expect(guest).toRun(['ibv_devinfo'], { stdout: /PORT_ACTIVE/ })
    }

    const works = async (step: RdmaStep) => {
      const { codes, said } = await runBoth(server, client, ADDRESSES.server, step)
      expect(codes, said).toEqual([0, 0])
    }
    for (const step of [PINGPONG, RPING, UCMATOSE, WRITE]) await works(step)

    const between = async () =>
      (await lan.stats()).ways.filter(({ from, to }) => from !== 'gateway' && to !== 'gateway')
    const sum = async (key: 'lost' | 'frames') => (await between()).reduce((all, way) => all + way[key], 0)
    {
      await using _loss = await lan.fault({ loss: 0.01, between: ['client', 'server'], traffic: ['udp'] })
      await works(WRITE)
    }
    expect(await sum('lost')).toBeGreaterThan(0)

    const { served, called } = await startBoth(server, client, ADDRESSES.server, ENDLESS)
    const before = await sum('frames')
    const endedEarly = called.then((end) => expect.fail(`ended before the partition: ${JSON.stringify(end)}`))
    const moved = expect.poll(() => sum('frames'), { timeout: 300_000 }).toBeGreaterThan(before + 200)
    await Promise.race([moved, endedEarly])
    await lan.partition(['client'], ['server'])
    const { exitCode, stdout, stderr } = await called
    expect(exitCode).toBe(1)
    // IBV_WC_RETRY_EXC_ERR, "transport retry counter exceeded".
    expect(`${stdout}${stderr}`).toContain('Failed status 12')
    const counter = '/sys/class/infiniband/rxe0/ports/1/hw_counters/retry_exceeded_err'
    expect(Number(await client.readFile(counter))).toBeGreaterThan(0)
    await lan.heal()
    await server.run(['killall', ENDLESS.name])
    await served
    await works(PINGPONG)
  })
})
