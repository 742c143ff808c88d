/** Messages by Ethernet frames between probe kernels: whom each heard, and what the network carried. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { NetworkFrame, RackInput } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'

const machine = (append: string, rom: 'qboot' | 'seabios' = 'qboot') => ({
  cpu: 1,
  memory: '64M',
  timeout: '30m',
  boot: { append, rom },
})

const frames = (carried: readonly NetworkFrame[], kind: number) =>
  carried.filter(
    ({ data }) =>
      data.readUInt16BE(12) === 0x88b5 &&
      data.subarray(14, 21).equals(Buffer.from('BRINGUP')) &&
      data[22] === kind,
  )
const macs = (data: Buffer, at: number) =>
  data
    .subarray(at, at + 6)
    .toString('hex')
    .replace(/..(?=.)/g, '$&:')

describe('frames of the probe kernel', () => {
  test('a controller hears two clients and answers each of them', async ({ launchRack }) => {
    const rack: RackInput = {
      networks: { lan: { capture: true } },
      guests: {
        // Stays after the exchange, so that the network can be asked what it carried.
        controller: { machine: machine('frames-serve=2 echo', 'seabios'), nics: ['lan'] },
        client: { machine: machine('frames-call'), count: 2, nics: ['lan'] },
      },
    }
    const run = await launchRack(rack)
    const { controller, 'client-1': first, 'client-2': second } = run.guests
    if (!controller || !first || !second) throw new Error('a guest is missing')
    const { groups } = await controller.console.expect(/"t":"frames".*"sent":(\d+)/)
    await controller.console.expect('echo ready')
    const clients = await Promise.all([first.done, second.done])
    expect(clients).toMatchObject([{ verdict: 'passed' }, { verdict: 'passed' }])

    const macOf = async (guest: typeof first) => (await guest.view())?.nics?.[0]?.mac ?? ''
    const [own, ...others] = await Promise.all([controller, first, second].map(macOf))
    const heard = (await controller.view())?.nics?.[0]?.peers ?? []
    expect(heard.map(({ what }) => what)).toEqual(['heard', 'heard'])
    expect(heard.map(({ mac }) => mac).toSorted()).toEqual(others.toSorted())
    for (const client of [first, second])
      expect((await client.view())?.nics?.[0]?.peers).toMatchObject([{ what: 'answered', mac: own }])

    const carried = (await run.networks.lan?.frames()) ?? []
    const [calls, answers] = [frames(carried, 1), frames(carried, 2)]
    expect(new Set(calls.map(({ data }) => macs(data, 6)))).toEqual(new Set(others))
    expect(calls.every(({ data }) => macs(data, 0) === 'ff:ff:ff:ff:ff:ff')).toBe(true)
    expect(answers.every(({ data, from }) => macs(data, 6) === own && from === 'controller/lan')).toBe(true)
    expect(new Set(answers.map(({ data }) => macs(data, 0)))).toEqual(new Set(others))
    const sent = (text: string) => Number(/"t":"frames","own":"[^"]*","sent":(\d+)/.exec(text)?.[1])
    expect(answers.length).toBe(Number(groups.at(-1)))
    expect(calls.length).toBe(sent(first.console.text) + sent(second.console.text))

    controller.console.write('quit\n')
    expect(await run.done).toMatchObject({ verdict: 'passed' })
    expect(readFileSync(join(run.folder.path, 'networks/lan.pcapng')).includes('BRINGUP\x1a')).toBe(true)
  })

  test('a client without a controller fails, and other frames of its network pass for no answer', async ({
    launchRack,
  }) => {
    const run = await launchRack({
      networks: { lan: {} },
      guests: {
        lonely: { machine: machine('frames-wait=3 frames-call'), nics: ['lan'] },
        other: { machine: machine('frames-call'), nics: ['lan'] },
      },
      passes: ['lonely'],
    })
    expect(await run.done).toMatchObject({
      verdict: 'failed',
      guests: [{ guest: 'lonely', result: { guestCode: 5 } }, { guest: 'other' }],
    })
    expect(run.guests.lonely?.console.text).toMatch(/"t":"frames","own":"[^"]*","sent":\d+,"received":0,/)
  })
})
