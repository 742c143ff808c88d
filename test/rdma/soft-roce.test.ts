/** RDMA in software where it is less usual: four guests, large frames, IPv6. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'
import { PINGPONG, RDMA_CONFIG, type RdmaStep, runBoth } from '../support/rdma-pair.ts'

const machine = { memory: '384M', cpu: 1, timeout: '30m' } as const
const RING = {
  networks: { lan: { mtu: 9000 } },
  guests: {
    node: { machine, profile: 'rdma', count: 4, nics: [{ network: 'lan', rdma: 'rxe' as const }] },
  },
}

/** GID 0 is that of the link-local address of IPv6. */
const overIpv6 = (step: RdmaStep): RdmaStep => {
  const words = step.serve.map((word, i, all) => (all[i - 1] === '-g' ? '0' : word))
  return { ...step, serve: words, call: (address) => [...words, address] }
}

test('four guests with large frames reach each other over IPv4 and IPv6', async ({ launchRack }) => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup rdma ring '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'bringup.config.ts'), RDMA_CONFIG)
  const run = await launchRack(RING, { folder })
  const guests = Object.values(run.guests)
  expect(guests).toHaveLength(4)
  for (const guest of guests) {
    await expect(guest).toSeeItsMachine()
    // The largest MTU of InfiniBand; with frames of 1,500 bytes it is 1024.
    await expect(guest).toRun(['ibv_devinfo'], { stdout: /active_mtu:\s+4096/ })
  }
  for (const [i, guest] of guests.entries()) {
    const other = guests[(i + 1) % guests.length]
    if (!other) throw new Error('no ring')
    for (const step of [PINGPONG, overIpv6(PINGPONG)]) {
      const { codes, said } = await runBoth(guest, other, `10.1.0.${10 + i}`, step)
      expect(codes, said).toEqual([0, 0])
    }
  }
})
