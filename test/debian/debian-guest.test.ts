/** Debian guests: boot by GRUB and without it, changes of the command line, reboots, files that stay. */
import { describe } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'

/** The first of these tests may have to make the image; without KVM a boot takes half a minute. */
const timeout = 900_000

test.override('options', { profile: 'debian', allowReboot: true })

describe.for(['bios', 'uefi'] as const)('GRUB on %s', (firmware) => {
  test('takes a changed command line at the next boot', { timeout }, async ({ launch }) => {
    const guest = await launch({ boot: { firmware } })
    const efi = await guest.run(['test', '-d', '/sys/firmware/efi'])
    expect(efi.exitCode).toBe(firmware === 'uefi' ? 0 : 1)
    const file = '/etc/default/grub.d/test.cfg'
    const words = `bringup.test=${firmware}`
    await guest.writeFile(file, `GRUB_CMDLINE_LINUX="$GRUB_CMDLINE_LINUX ${words}"\n`)
    const changed = await guest.run(['update-grub'])
    expect(changed.stderr).toContain('Found linux image')
    const isByGuest = firmware === 'bios'
    const reset = guest.qemu.qmp.next('RESET')
    if (isByGuest) await guest.run(['systemctl', 'reboot'])
    else await guest.reboot({ orderly: true })
    await reset
    expect((await guest.readFile('/proc/cmdline')).toString()).toContain(words)
    expect((await guest.readFile(file)).toString()).toContain(words)
    const state = await guest.run(['systemctl', 'is-system-running', '--wait'])
    expect(state.stdout).toBe('running\n')
  })
})

describe('a Debian that is started directly', () => {
  const machine = { boot: { firmware: 'direct' } } as const

  test('reports what Linux made of the hardware, and the tables apart from that', {
    timeout,
  }, async ({ launch }) => {
    const guest = await launch({
      ...machine,
      boot: { firmware: 'direct', append: 'words' },
      timeout: '14m',
      cpu: { count: 2, max: 3, sockets: 3 },
      numa: {
        nodes: [{ memory: '512M' }, { memory: '512M', cpus: 0, initiator: 0 }],
        distances: 20,
        hmat: [{ initiator: 0, target: 1, latency: '80ns', bandwidth: '10G' }],
        caches: [{ node: 1, size: '64M' }],
      },
      devices: [
        { kind: 'nvdimm', id: 'pm0', size: '64M', node: 1 },
        { kind: 'nvdimm', id: 'lab', size: '64M', node: 1, label: '128K' },
        { kind: 'virtio-pmem', id: 'vp', size: '64M' },
        { kind: 'ivshmem', id: 'iv', size: '1M' },
        { kind: 'cxl', id: 'cx', size: '256M' },
        { kind: 'disk', id: 'nv', bus: 'nvme', size: '16M' },
        { kind: 'nic', id: 'vm', model: 'vmxnet3' },
        { kind: 'serial', id: 's2' },
        { kind: 'watchdog', id: 'wd' },
      ],
    })
    await expect(guest).toSeeItsMachine()
  })

  test('installs a package from where this computer gets its own, and keeps it on a kept disk', {
    timeout,
  }, async ({ launch }) => {
    const kept = { ...machine, devices: [{ kind: 'disk', id: 'root', persist: true }] } as const
    const first = await launch(kept)
    const update = await first.run(['apt-get', 'update'])
    expect(update.exitCode, update.stderr).toBe(0)
    const install = await first.run(['apt-get', 'install', '--yes', 'hello'])
    expect(install.exitCode, install.stderr).toBe(0)
    expect(await first.endWith(7)).toMatchObject({ verdict: 'failed', exitCode: 7 })
    const second = await launch(kept)
    expect((await second.run(['hello'])).stdout).toBe('Hello, world!\n')
    await second.close()
    const other = await launch(machine)
    expect((await other.run(['hello'])).exitCode).toBe(127)
  })
})
