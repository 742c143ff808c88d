/** RDMA in software between two real guests: the devices, programs that people use, loss. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, onTestFinished } from 'vitest'
import type { Guest, Run } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'

const PATIENT = { timeoutMs: 300_000 }
const machine = { memory: '512M', cpu: 1, timeout: '30m' } as const
/** Addresses of the two guests; `-g 1` and `-x 1` are the GID of the IPv4 address. */
const SERVER = '10.1.0.10'

/** A project whose guests have programs that use RDMA. */
function project(): string {
  const folder = mkdtempSync(join(tmpdir(), 'bringup rdma '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(
    join(folder, 'bringup.config.ts'),
    `import { defineConfig, linuxProfile } from 'bringup'
     export default defineConfig({ profiles: [linuxProfile({ name: 'rdma',
       programs: ['ibv_devinfo', 'ibv_rc_pingpong', 'rping', 'ucmatose', 'ib_write_bw'] })] })`,
  )
  return folder
}

const member = { machine, profile: 'rdma', nics: [{ network: 'lan', rdma: 'rxe' as const }] }

function pairOf(run: Run) {
  const { server, client } = run.guests
  const { lan } = run.networks
  if (!server || !client || !lan) throw new Error('no pair')
  return { server, client, lan }
}

/** Both ends of a program: the client starts once the server listens. */
async function both(
  { server, client }: { readonly server: Guest; readonly client: Guest },
  port: number,
  [serve, call]: readonly [readonly string[], readonly string[]],
) {
  const served = server.run(serve, PATIENT)
  await Promise.race([server.rdma.listening(port, PATIENT), served])
  const called = client.run(call, PATIENT)
  const ends = await Promise.all([served, called])
  const said = ends.map(({ exitCode, stdout, stderr }) => `${exitCode}\n${stdout}${stderr}`).join('\n')
  expect(
    ends.map(({ exitCode }) => exitCode),
    said,
  ).toEqual([0, 0])
  return said
}

const PINGPONG = ['ibv_rc_pingpong', '-d', 'rxe0', '-g', '1', '-n', '100']
/** Repeats what was not acknowledged after 1 s instead of 67 ms: the other guest may have no processor for longer. */
const WRITE = ['ib_write_bw', '-d', 'rxe0', '-x', '1', '-s', '65536', '-n', '50', '-u', '18']

describe('soft-RoCE between two guests', () => {
  test('is there as described, moves data, and survives loss', async ({ launchRack }) => {
    const run = await launchRack(
      { networks: { lan: {} }, guests: { server: member, client: member } },
      { folder: project() },
    )
    const pair = pairOf(run)
    const { server, client, lan } = pair
    for (const guest of [server, client]) {
      const address = guest === server ? SERVER : '10.1.0.11'
      await expect(guest).toHaveRdmaDevice('rxe0', {
        netdev: 'eth0',
        linkLayer: 'Ethernet',
        gid: `::ffff:${address}`,
        gidType: 'RoCE v2',
      })
      await expect(guest).toSeeItsMachine()
      await expect(guest).toRun(['ibv_devinfo'], { stdout: /PORT_ACTIVE/ })
    }

    await both(pair, 18515, [PINGPONG, [...PINGPONG, SERVER]])
    await both(pair, 7174, [
      ['rping', '-s', '-C', '10'],
      ['rping', '-c', '-a', SERVER, '-C', '10'],
    ])
    await both(pair, 7471, [['ucmatose'], ['ucmatose', '-s', SERVER]])
    await both(pair, 18515, [WRITE, [...WRITE, SERVER]])

    {
      await using _loss = await lan.fault({ loss: 0.01, between: ['client', 'server'], traffic: ['udp'] })
      await both(pair, 18515, [WRITE, [...WRITE, SERVER]])
    }
    const lost = (await lan.stats()).ways
      .filter(({ from, to }) => from !== 'gateway' && to !== 'gateway')
      .reduce((sum, way) => sum + way.lost, 0)
    expect(lost).toBeGreaterThan(0)

    await expect(client).toHaveRdmaDevice('rxe0')
  })
})
