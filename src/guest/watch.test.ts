import { expect, test } from 'vitest'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Console } from './console.ts'
import { hasCrashed, watchGuest } from './watch.ts'

/** A guest whose QEMU emits these events, and is in that state when it is asked. */
async function seen(status: string, events: readonly (readonly [string, object])[]) {
  const listeners = new Map<string, (data: object) => void>()
  const told: string[] = []
  const qmp = {
    on: (name: string, listener: (data: object) => void) => listeners.set(name, listener),
    execute: () => Promise.resolve({ status, running: false }),
  }
  const collect = watchGuest(
    { judgement: { exitCodes: {}, panicPatterns: [], onPowerOff: 'failed', onReset: 'stop' } },
    qmp as unknown as QmpClient,
    { onLine: () => {} } as unknown as Console,
    {
      onHalt: () => {},
      onPanic: () => told.push('panic'),
      onReset: ({ guest }) => told.push(`reset by ${guest ? 'guest' : 'host'}`),
      onRun: () => told.push('run'),
      onStopped: () => told.push('stopped'),
    },
  )
  for (const [name, data] of events) listeners.get(name)?.(data)
  await new Promise((resolve) => setImmediate(resolve))
  return { told, ...collect() }
}

test('a guest that QEMU stopped for a disk that is full is told, with the reason', async () => {
  const error = { device: 'd', operation: 'write', action: 'stop', reason: 'No space left on device' }
  expect(
    await seen('io-error', [
      ['BLOCK_IO_ERROR', error],
      ['STOP', {}],
    ]),
  ).toMatchObject({
    told: ['stopped'],
    stopReason: 'write error on disk d: No space left on device',
  })
  expect(await seen('internal-error', [['STOP', {}]])).toMatchObject({
    told: ['stopped'],
    stopReason: 'its state is internal-error',
  })
})

test('a guest that is paused by QMP continues on request of the client that paused it', async () => {
  expect(
    (
      await seen('paused', [
        ['STOP', {}],
        ['RESUME', {}],
      ])
    ).told,
  ).toEqual(['run'])
})

test('resets tell who reset', async () => {
  const events = [
    ['RESET', { guest: true, reason: 'guest-reset' }],
    ['RESET', { guest: false, reason: 'host-qmp-system-reset' }],
  ] as const
  expect((await seen('running', events)).told).toEqual(['reset by guest', 'reset by host'])
})

test('a watchdog and a panic device are crashes before the guest has ended', () => {
  expect(hasCrashed({})).toBe(false)
  expect(hasCrashed({ watchdogAction: 'reset' })).toBe(true)
  expect(hasCrashed({ guestPanicked: true })).toBe(true)
})

test('a restored guest that had restarted before it was saved is neither halted nor restarting', () => {
  let line = (_text: string): void => {}
  const told: string[] = []
  const console = {
    isReplaying: true,
    onLine: (listener: (text: string) => void) => {
      line = listener
    },
  }
  const note = (what: string) => () => told.push(what)
  const collect = watchGuest(
    {
      judgement: {
        exitCodes: {},
        panicPatterns: ['panic'],
        restartPatterns: ['Restarting'],
        haltPatterns: ['halted'],
        onPowerOff: 'failed',
        onReset: 'stop',
      },
    },
    { on: () => () => {} } as unknown as QmpClient,
    console as unknown as Console,
    {
      onHalt: note('halt'),
      onPanic: note('panic'),
      onReset: note('reset'),
      onRun: note('run'),
      onStopped: note('stop'),
    },
  )
  line('Restarting system')
  line('System halted')
  expect(told).toEqual([])
  expect(collect().restarts).toBeUndefined()
  console.isReplaying = false
  line('System halted')
  line('Restarting system')
  expect(told).toEqual(['halt'])
  expect(collect().restarts).toBe(true)
})
