/** Several machines in one run: order, verdicts, records and leftovers. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe } from 'vitest'
import type { RackInput, RunEvent } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'

const small = { memory: '64M' } as const
const linux = { memory: '256M', timeout: '5m' } as const
/** Says that it is ready, and waits until it is ended. */
const waits = { ...small, boot: { append: 'report=no ready-hang' } } as const
const exits = (code: number) => ({ ...small, boot: { append: `report=no exit=${code}` } }) as const

const order = (events: readonly RunEvent[]) =>
  events.flatMap((event) => ('guest' in event && !('line' in event) ? [`${event.type} ${event.guest}`] : []))

describe('a rack', () => {
  test('starts its guests in order, and passes when all of them have', async ({ launchRack }) => {
    const events: RunEvent[] = []
    const rack: RackInput = {
      guests: {
        second: { machine: small, count: 2, after: { first: { ends: 'passed' } } },
        first: { machine: small },
      },
    }
    const run = await launchRack(rack, { onEvent: (event) => void events.push(event) })
    expect(Object.keys(run.guests).toSorted()).toEqual(['first', 'second-1', 'second-2'])
    const result = await run.done
    expect(result).toMatchObject({ verdict: 'passed', exitCode: 0, meaning: 'all 3 guests passed' })
    const happened = order(events)
    const ended = happened.indexOf('guest ended first')
    for (const guest of ['second-1', 'second-2']) {
      expect(happened.indexOf(`guest waiting ${guest}`)).toBeLessThan(ended)
      expect(happened.indexOf(`guest starting ${guest}`)).toBeGreaterThan(ended)
    }
  })

  test('starts a guest when another one shows a text, and closes those that do not count', async ({
    launchRack,
  }) => {
    const run = await launchRack({
      guests: { server: { machine: waits }, client: { machine: small, after: { server: '"ready"' } } },
      passes: ['client'],
    })
    const result = await run.done
    expect(result).toMatchObject({ verdict: 'passed', meaning: 'guest "client" passed' })
    expect(result.guests).toMatchObject([
      { guest: 'server', counts: false, result: { verdict: 'interrupted' } },
      { guest: 'client', counts: true, result: { verdict: 'passed' } },
    ])
  })

  test('fails with the first guest that fails, and ends the others', async ({ launchRack }) => {
    const run = await launchRack({
      guests: { good: { machine: waits }, bad: { machine: exits(9), after: { good: '"ready"' } } },
    })
    expect(await run.done).toMatchObject({
      verdict: 'failed',
      exitCode: 1,
      guests: [{ result: { verdict: 'interrupted' } }, { result: { verdict: 'failed', guestCode: 9 } }],
    })
  })

  test('does not start a guest whose condition can no longer be met', async ({ launchRack, stateFolder }) => {
    const rack: RackInput = {
      guests: { first: { machine: exits(16) }, second: { machine: small, after: { first: 'never shown' } } },
    }
    await expect(launchRack(rack)).rejects.toMatchObject({ code: 'RACK_CONDITION_UNMET' })
    const [id = ''] = readdirSync(join(stateFolder, 'runs'))
    const result = JSON.parse(readFileSync(join(stateFolder, 'runs', id, 'result.json'), 'utf8'))
    expect(result).toMatchObject({ verdict: 'failed', guests: [{ guest: 'first' }, { guest: 'second' }] })
    expect(result.guests[1]).not.toHaveProperty('result')
  })

  test('keeps stores and MAC addresses of twins apart', async ({ launchRack }) => {
    const machine = {
      ...small,
      devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M' } as const, { kind: 'nic', id: 'n0' } as const],
    }
    const run = await launchRack({ guests: { twin: { machine, count: 3 } } })
    const guests = Object.values(run.guests)
    expect(new Set(guests.map(({ plan }) => plan.stores[0]?.path)).size).toBe(3)
    expect(new Set(guests.map(({ plan }) => /mac=([^,]+)/.exec(plan.argv.join(' '))?.[1])).size).toBe(3)
    expect(await run.done).toMatchObject({ verdict: 'passed' })
  })

  test('records plan, events and a folder for each guest', async ({ launchRack }) => {
    const run = await launchRack({ guests: { one: { machine: small }, two: { machine: small } } })
    await run.done
    const read = (name: string) => readFileSync(join(run.folder.path, name), 'utf8')
    expect(JSON.parse(read('run.json'))).toMatchObject({
      name: 'rack',
      guests: ['one', 'two'],
      profiles: ['probe'],
    })
    expect(JSON.parse(read('plan.json'))).toMatchObject({
      isRack: true,
      guests: [{ guest: 'one' }, { guest: 'two' }],
    })
    expect(JSON.parse(read('result.json'))).toMatchObject({ verdict: 'passed' })
    expect(read('guests/two/console.log')).toContain('"t":"end"')
    const events = read('events.jsonl')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as RunEvent)
    expect(events.at(0)).toMatchObject({ type: 'run started', id: run.folder.id })
    expect(events.at(-1)).toMatchObject({ type: 'run ended', verdict: 'passed' })
    expect(events.some((e) => e.type === 'console line' && e.guest === 'two')).toBe(true)
  })

  test('is refused with all that is wrong, and nothing is started', async ({ launchRack, stateFolder }) => {
    const wrong: RackInput = {
      guests: {
        a: { machine: { ...small, devices: [{ kind: 'nvdimm', size: '16M', node: 7 }] } },
        b: { machine: small, nics: ['lan'] },
      },
    }
    await expect(launchRack(wrong)).rejects.toMatchObject({
      diagnostics: expect.arrayContaining([
        expect.objectContaining({
          code: 'NVDIMM_NODE_WITHOUT_NUMA',
          path: 'racks.rack.guests.a.machine.devices[0].node',
        }),
        expect.objectContaining({ code: 'NIC_NETWORK_UNKNOWN', path: 'racks.rack.guests.b.nics[0]' }),
      ]),
    })
    expect(readdirSync(stateFolder)).not.toContain('runs')
  })

  test('ends when its caller aborts it', async ({ launchRack }) => {
    const stop = new AbortController()
    const run = await launchRack({ guests: { one: { machine: waits, count: 2 } } }, { signal: stop.signal })
    await run.guests['one-1']?.console.expect('"ready"')
    stop.abort()
    expect(await run.done).toMatchObject({ verdict: 'interrupted', exitCode: 130 })
  })
})

describe('a guest', () => {
  test.override('rackDescription', {
    guests: {
      server: { machine: linux, profile: 'linux', command: ['sh', '-c', 'echo serving; sleep 1000'] },
      client: {
        machine: linux,
        profile: 'linux',
        command: ['sh', '-c', 'echo out; exit 3'],
        after: { server: 'serving' },
      },
    },
    passes: ['client'],
  } satisfies RackInput)

  test('runs its command, whose output and code are those of the run', { timeout: 1_200_000 }, async ({
    rack,
  }) => {
    const result = await rack.done
    expect(result).toMatchObject({ verdict: 'failed', meaning: 'guest "client": the command returned 3' })
    const events = readFileSync(rack.folder.events, 'utf8')
    expect(events).toContain('"type":"command line","guest":"client","stream":"stdout","line":"out"')
    expect(result.guests[0]).toMatchObject({ guest: 'server', result: { verdict: 'interrupted' } })
  })
})

test('findings about a guest name its place in the rack', async ({ launchRack }) => {
  await expect(launchRack({ guests: { a: { machine: 'nope' } } })).rejects.toMatchObject({
    diagnostics: [{ code: 'MACHINE_UNKNOWN', path: 'racks.rack.guests.a.machine' }],
  })
  await expect(launchRack({ guests: { a: { machine: small, command: ['ls'] } } })).rejects.toMatchObject({
    diagnostics: [{ code: 'PROFILE_HAS_NO_SHELL', path: 'racks.rack.guests.a.command' }],
  })
})
