/** Described machines against what the probe kernel saw of them. */
import { readdirSync } from 'node:fs'
import { describe } from 'vitest'
import { expect, test } from '../support/guests.ts'

describe('what is described is what is seen', () => {
  const machines = {
    'one CPU': {},
    'four CPUs as two sockets of two threads': { cpu: { count: 4, sockets: 2, cores: 1, threads: 2 } },
    'hot-pluggable CPUs': { cpu: { count: 2, max: 4 } },
    'an uneven split': { cpu: 5, memory: '250M', numa: 3 },
    'a node of memory only, and one of CPUs only': {
      cpu: 2,
      memory: '128M',
      numa: {
        nodes: [
          { cpus: 2, memory: 0 },
          { cpus: 0, memory: '128M' },
        ],
      },
    },
    'memory above 4 GiB': { memory: '5G' },
    'the other machine type': { type: 'pc', cpu: 2, numa: 2, memory: '128M' },
    'three NVDIMMs': {
      cpu: 2,
      numa: 2,
      nvdimmPersistence: 'cpu',
      devices: [
        { kind: 'nvdimm', size: '16M', node: 1 },
        { kind: 'nvdimm', size: '32M', node: 0, label: '128K' },
        { kind: 'nvdimm', size: '64M', node: 1, backing: 'ram' },
      ],
    },
    'a NIC, a serial port and a watchdog': {
      devices: [{ kind: 'nic' }, { kind: 'serial' }, { kind: 'watchdog' }],
    },
  } as const
  for (const [name, machine] of Object.entries(machines)) {
    test(name, async ({ launch }) => {
      const guest = await launch(machine as object)
      await expect(guest).toEnd('passed')
      await expect(guest).toSeeItsMachine()
    })
  }
})

describe('an NVDIMM', () => {
  const machine = { devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' }] } as const

  test('remembers from run to run', async ({ launch }) => {
    for (const boots of [1, 2, 3]) {
      const guest = await launch(machine)
      await expect(guest).toSeeDevice('nvdimm', { boots, state: boots === 1 ? 'new' : 'kept' })
    }
  })

  test('remembers when QEMU is killed', async ({ launch }) => {
    const first = await launch({ ...machine, boot: { append: 'ready-hang' } })
    await first.console.expect('"ready"')
    await first.kill()
    const second = await launch(machine)
    await expect(second).toSeeDevice('nvdimm', { boots: 2, state: 'kept' })
  })

  test('forgets when its writes are not shared with its file', async ({ launch }) => {
    const forgetful = { devices: [{ ...machine.devices[0], share: false }] }
    for (let run = 0; run < 2; run++) {
      const guest = await launch(forgetful)
      await expect(guest).toSeeDevice('nvdimm', { boots: 1, state: 'new' })
    }
  })

  test('is refused to a second run while the first holds it', async ({ launch }) => {
    const first = await launch({ ...machine, boot: { append: 'ready-hang' } })
    await first.console.expect('"ready"')
    const error = await launch(machine).catch((e: unknown) => e)
    expect(error).toMatchObject({ code: expect.stringMatching(/LOCKED|BUSY/) })
    await first.close()
    const third = await launch(machine)
    await expect(third).toEnd('passed')
  })

  test('is still there after the guest rebooted', async ({ launch }) => {
    const guest = await launch({ ...machine, boot: { append: 'ready-hang' } })
    await guest.console.expect('"ready"')
    await guest.reboot()
    await guest.console.expect('"boots":2')
  })
})

describe('side by side', () => {
  test('eight runs in one folder', async ({ launch, stateFolder }) => {
    const guests = await Promise.all(Array.from({ length: 8 }, () => launch({ memory: '32M' })))
    for (const guest of guests) await expect(guest).toEnd('passed')
    expect(readdirSync(`${stateFolder}/runs`)).toHaveLength(8)
  })

  test('in a folder with a long name, spaces and commas', async ({ launch, stateFolder }) => {
    const state = `${stateFolder}/${'a long, long name '.repeat(12)}`
    const guest = await launch({ devices: [{ kind: 'nvdimm', size: '16M' }] }, { state })
    await expect(guest).toEnd('passed')
    await expect(guest).toSeeDevice('nvdimm', { state: 'new' })
  })
})
