/** A guest's channels beside its first console and its commands: logs, and data for the owner of the guest. */
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { PassThrough } from 'node:stream'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Channel } from '../machine/device.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { QemuProcess } from '../qemu/process.ts'
import { Console } from './console.ts'

export const problems = defineDiagnostics({
  GUEST_HAS_NO_CHANNEL: {
    title: 'The machine has no channel of that name.',
    why: 'the serial ports beyond the first and the virtio-serial ports of a description are its channels, by their ids',
    remedy: 'use one of the ids in the message, or add a `serial` or `virtio-console` device',
  },
})

export interface Channels {
  /**
   * The channel of that id. Data for a `bulk` channel waits in the guest until the first call.
   *
   * @throws BringupError GUEST_HAS_NO_CHANNEL
   */
  open(id: string): Console
  /** True once something was sent to the guest over one of them. */
  readonly hasInput: boolean
  /** Nothing more will come. */
  end(why: () => string): void
}

/** The console, to which come the characters of the debug console, where the machine has one. */
export function withDebugConsole(
  { channels }: Pick<GuestPlan, 'channels'>,
  { console, channels: streams, piped }: Pick<QemuProcess, 'console' | 'channels' | 'piped'>,
): QemuProcess['console'] {
  const debug = channels.find(({ purpose }) => purpose === 'debug')
  const stream = debug && (piped.get(debug.id)?.output ?? streams.get(debug.id))
  if (!stream) return console
  const output = new PassThrough()
  for (const from of [console.output, stream]) from.on('data', (chunk: Buffer) => output.write(chunk))
  return { input: console.input, output }
}

/** Logs are kept from the start, in `channels` below the run's folder. */
export function openChannels(
  channels: readonly Channel[],
  { channels: streams, piped }: Pick<QemuProcess, 'channels' | 'piped'>,
  runFolder: string,
): Channels {
  const folder = join(runFolder, 'channels')
  const known = channels.filter((c) => c.purpose === 'log' || c.purpose === 'bulk')
  const opened = new Map<string, Console>()
  let ended: (() => string) | undefined

  const open = (id: string): Console => {
    const there = opened.get(id)
    if (there) return there
    const channel = known.find((c) => c.id === id)
    const stream = piped.get(id) ?? streams.get(id)
    if (!channel || !stream) throw unknown(id, known)
    const log = { path: join(folder, `${id}.log`), timingPath: join(folder, `${id}.timing`) }
    const console = new Console(stream, channel.purpose === 'log' ? log : undefined)
    opened.set(id, console)
    if (ended) console.end(ended)
    return console
  }

  const logs = known.filter((c) => c.purpose === 'log')
  if (logs.length > 0) mkdirSync(folder)
  for (const { id } of logs) open(id)
  return {
    open,
    get hasInput() {
      return [...opened.values()].some((console) => console.hasInput)
    },
    end(why) {
      ended = why
      for (const console of opened.values()) console.end(why)
    },
  }
}

function unknown(id: string, known: readonly Channel[]): BringupError {
  const names = known.length > 0 ? known.map((c) => c.id).join(', ') : 'none'
  return new BringupError([
    problems.GUEST_HAS_NO_CHANNEL.at('', `there is no channel "${id}"; there are: ${names}`),
  ])
}
