/** The network of Linux guests: addresses by DHCP before the first command, names, both ways to and from this computer. */
import { once } from 'node:events'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { describe, onTestFinished } from 'vitest'
import type { Guest, MachineInput } from '../../src/index.ts'
import { expect, test } from '../support/guests.ts'

const profile = 'linux'
const sh = (guest: Guest, script: string) => guest.run(['sh', '-c', script])
const address = "ip -4 -o addr show scope global | sed 's/.*inet //; s/ .*//'"

describe('a Linux guest with a network card', () => {
  test('has an address, a resolver and a name, and reaches this computer, which reaches it', async ({
    launch,
  }) => {
    const server = createServer((_, answer) => void answer.end('from this computer')).listen(0, '127.0.0.1')
    onTestFinished(() => void server.close())
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const machine: MachineInput = { devices: [{ kind: 'nic', forwards: ['tcp::80'] }] }
    const guest = await launch(machine, { profile, name: 'web_1 test' })
    expect((await sh(guest, address)).stdout).toBe('10.0.2.15/24\n')
    expect((await sh(guest, 'cat /etc/resolv.conf')).stdout).toBe('nameserver 10.0.2.3\n')
    expect((await sh(guest, 'hostname; grep -c web-1-test /etc/hosts')).stdout).toBe('web-1-test\n1\n')
    expect(
      await sh(guest, 'ping -c 1 10.0.2.2 && ping -c 1 web-1-test && ping -c 1 localhost'),
    ).toMatchObject({
      exitCode: 0,
    })
    const got = await guest.run(['wget', '-qO-', `http://10.0.2.2:${port}/`])
    expect(got).toMatchObject({ stdout: 'from this computer', exitCode: 0 })
    await sh(guest, 'mkdir /tmp/www && echo from the guest > /tmp/www/index.html && httpd -h /tmp/www')
    expect(await (await fetch(`http://127.0.0.1:${guest.port(80)}/`)).text()).toBe('from the guest\n')
    expect(await guest.close()).toMatchObject({ diagnostics: [] })
  })

  test.for(['e1000', 'e1000e', 'vmxnet3'] as const)('has one with model %s', async (model, { launch }) => {
    const guest = await launch({ devices: [{ kind: 'nic', model }] }, { profile })
    expect((await sh(guest, address)).stdout).toBe('10.0.2.15/24\n')
  })

  test('has several: each on a network of its own, and answers leave by the card that was asked', async ({
    launch,
  }) => {
    const forwards = ['tcp::80']
    const guest = await launch(
      {
        devices: [
          { kind: 'nic', forwards },
          { kind: 'nic', network: 'none' },
          { kind: 'nic', forwards },
        ],
      },
      { profile },
    )
    expect((await sh(guest, address)).stdout).toBe('10.0.2.15/24\n10.0.3.15/24\n')
    expect((await sh(guest, 'sort /etc/resolv.conf')).stdout).toBe(
      'nameserver 10.0.2.3\nnameserver 10.0.3.3\n',
    )
    await sh(guest, 'mkdir /tmp/www && echo reached > /tmp/www/index.html && httpd -h /tmp/www')
    for (const { hostPort } of guest.forwards)
      expect(await (await fetch(`http://127.0.0.1:${hostPort}/`)).text()).toBe('reached\n')
    // Nothing has waited for the card without a network: its FIFO is as it was made.
    expect((await sh(guest, 'cd /run/bringup/network && ls -F | grep "|"')).stdout).toBe('eth1|\n')
  })

  test('runs its command where DHCP gets no answer', async ({ launch }) => {
    const hub = ['-netdev', 'hubport,id=h,hubid=0', '-device', 'virtio-net-pci,netdev=h,romfile=']
    const guest = await launch({ qemuArgs: hub, devices: [{ kind: 'nic' }] }, { profile })
    expect((await sh(guest, address)).stdout).toBe('10.0.2.15/24\n')
    expect(await guest.close()).toMatchObject({ diagnostics: [] })
  })

  test('says which card has no address', async ({ launch }) => {
    const guest = await launch({ devices: [{ kind: 'nic', id: 'wan' }] }, { profile })
    const other = await launch(
      {
        devices: [{ kind: 'nic', id: 'wan' }],
        boot: { append: 'initcall_blacklist=virtio_net_driver_init' },
      },
      { profile },
    )
    expect((await sh(guest, 'true')).exitCode).toBe(0)
    expect((await sh(other, 'true')).exitCode).toBe(0)
    expect(await guest.close()).toMatchObject({ diagnostics: [] })
    expect(await other.close()).toMatchObject({
      diagnostics: [{ code: 'NIC_NO_ADDRESS', path: 'devices[1]', what: expect.stringMatching(/^wan /) }],
    })
  })
})
