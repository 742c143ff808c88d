/**
 * The process of a switch. It runs apart from the process that started the network, whose work must not delay frames, and
 * ends with it: its channel closes when that process ends, however it does.
 */
import { Socket } from 'node:net'
import { systemClock } from './delay-line.ts'
import { NetworkCore } from './network-core.ts'
import type { FromSwitch, ToSwitch } from './switch-calls.ts'

let core: NetworkCore | undefined

const say = (message: FromSwitch) => {
  // The other side may have gone; `disconnect` reports it.
  if (process.connected) process.send?.(message, undefined, undefined, () => {})
}

async function start({
  plan,
  captureFile,
  kept,
  firstFd,
}: Extract<ToSwitch, { kind: 'start' }>): Promise<void> {
  try {
    core = await NetworkCore.start({
      plan,
      ...(captureFile === undefined ? {} : { captureFile }),
      ...(kept === undefined ? {} : { kept }),
      streams: plan.ports.map((_, index) => new Socket({ fd: firstFd + index })),
      clock: systemClock,
      onEvent: (event) => say({ kind: 'event', event }),
    })
    say({ kind: 'started' })
  } catch (error) {
    say({ kind: 'not-started', problem: (error as Error).message })
  }
}

async function call({ id, method, args }: Extract<ToSwitch, { kind: 'call' }>): Promise<void> {
  try {
    if (core === undefined) throw new Error('not started')
    // The names and arguments come from the other half of this program, which has their types.
    const value = await (core[method] as (...args: readonly unknown[]) => unknown).call(core, ...args)
    say({ kind: 'answer', id, value })
  } catch (error) {
    say({ kind: 'answer', id, problem: (error as Error).message })
  }
}

process.on('message', (message: ToSwitch) => void (message.kind === 'start' ? start(message) : call(message)))
process.on('disconnect', async () => {
  await core?.close().catch(() => {})
  process.exit()
})
