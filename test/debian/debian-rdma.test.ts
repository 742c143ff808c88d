/** Soft-RoCE in a Debian guest with its full kernel, across to a Linux guest. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { onTestFinished } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'
import { ADDRESSES, PINGPONG, RDMA_PROGRAMS, RPING, runBoth } from '../support/rdma-pair.ts'

const CONFIG = `import { debianProfile, defineConfig, linuxProfile } from 'bringup'
export default defineConfig({
  profiles: [
    debianProfile({ name: 'debian-rdma', kernelPackage: 'linux-image-amd64', packages: ['ibverbs-providers', 'ibverbs-utils', 'rdmacm-utils'] }),
    linuxProfile({ name: 'rdma', programs: ${JSON.stringify(RDMA_PROGRAMS)} }),
  ],
})
`

/** The image is made first; without KVM a boot takes half a minute. */
const timeout = 1_800_000

test('a Debian guest has the RDMA device that it was given, and moves data with it', { timeout }, async ({
  launchRack,
}) => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup debian rdma '))
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
  writeFileSync(join(folder, 'bringup.config.ts'), CONFIG)
  const nics = [{ network: 'lan', rdma: 'rxe' as const }]
  const rack = {
    networks: { lan: {} },
    guests: {
      server: {
        machine: { memory: '1G', timeout: '30m', boot: { firmware: 'direct' } },
        profile: 'debian-rdma',
        nics,
      },
      client: { machine: { memory: '512M', timeout: '30m' }, profile: 'rdma', nics },
    },
  } as const
  const run = await launchRack(rack, { folder })
  const { server, client } = run.guests
  if (!server || !client) throw new Error('no pair')
  await expect(server).toHaveRdmaDevice('rxe0', {
    linkLayer: 'Ethernet',
    gid: `::ffff:${ADDRESSES.server}`,
    gidType: 'RoCE v2',
    timeoutMs: 600_000,
  })
  await expect(server).toSeeItsMachine()
  for (const step of [PINGPONG, RPING]) {
    const { codes, said } = await runBoth(server, client, ADDRESSES.server, step)
    expect(codes, said).toEqual([0, 0])
  }
})
