/** systemd-networkd as a client of a private network. */
import { expect, test } from '../../src/testing/index.ts'

/** The first test may have to make the image; without KVM a boot takes half a minute. */
const timeout = 1_800_000
const patience = { timeoutMs: 900_000 }

test('systemd-networkd takes address and router, and is reached by its name', { timeout }, async ({
  launchRack,
}) => {
  const run = await launchRack({
    networks: { lan: {} },
    guests: {
      deb: {
        machine: { memory: '1G', timeout: '30m', boot: { firmware: 'direct' } },
        profile: 'debian',
        nics: ['lan'],
      },
      other: { machine: { memory: '192M', timeout: '30m' }, profile: 'linux', nics: ['lan'] },
    },
  })
  const { deb, other } = run.guests
  const status = await deb?.run(['networkctl', '--no-pager', '--full', 'status', '--all'], patience)
  expect(status?.stdout).toMatch(/10\.1\.0\.10 \(DHCP4 via 10\.1\.0\.1\)/)
  expect((await deb?.run(['ip', 'route'], patience))?.stdout).toContain('default via 10.1.0.1')
  expect(await other?.run(['ping', '-c', '2', 'deb'], patience)).toMatchObject({ exitCode: 0 })
  expect((await deb?.run(['getent', 'hosts', 'other'], patience))?.stdout).toContain('10.1.0.11')
})
