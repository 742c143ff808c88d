/** Ports of this computer that the user's own arguments for QEMU listen on. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import type { Facts, HostPort, PortFact } from './facts.ts'
import { type QemuOption, readQemuArgs } from './qemu-args.ts'

export const problems = defineDiagnostics({
  QEMU_ARG_PORT: {
    title: 'An argument for QEMU listens on a port that is unavailable.',
    why: 'another socket has the port, or it is one of the low ports that need CAP_NET_BIND_SERVICE',
    remedy: 'use another port',
    source:
      'QEMU: "Could not set up host forwarding rule", "Failed to find an available port: Address already in use", "Failed to bind socket: Permission denied"',
    qemu: 'refuses',
  },
})

interface ArgPort {
  /** Index of the word that holds the value. */
  readonly index: number
  /** The option as it was written. */
  readonly text: string
  readonly port: HostPort
}

const GDB_PORT = 1234

/** Forwards of user networks, the debugger stub, and sockets that wait for a client. */
export function portsOfArgs(words: readonly string[]): readonly ArgPort[] {
  return readQemuArgs(words).flatMap((option) =>
    portsOf(option).map((port) => ({
      index: option.value === undefined ? option.index : option.index + 1,
      text: `-${option.name}${option.value === undefined ? '' : ` ${option.value}`}`,
      port,
    })),
  )
}

function portsOf({ name, value = '', keys, head }: QemuOption): readonly HostPort[] {
  if (name === 's') return [tcp('*', GDB_PORT)]
  if (name === 'netdev' || name === 'nic' || name === 'net')
    return [...forwardsOf(value, keys), ...listeningLink(head, keys)]
  if (name === 'vnc') return vncOf(value)
  if (name === 'chardev') return head === 'socket' && waits(keys) ? hostOf(keys) : []
  // The debugger stub always waits; the others only where they are told to.
  const [, host = '', port = '', rest = ''] = /^tcp:([^:,]*):(\d+)(.*)$/.exec(value) ?? []
  const isServer = name === 'gdb' || (SOCKET_WORDS.has(name) && /,server(=on)?(,|$)/.test(rest))
  return isServer && port !== '' ? [tcp(host === '' ? '*' : host, Number(port))] : []
}

/** A network that is a connection to another QEMU, where this one waits for it. */
function listeningLink(head: string | undefined, keys: QemuOption['keys']): readonly HostPort[] {
  if (head === 'stream') return waits(keys) ? hostOf(keys) : []
  const [, host = '', port = '0'] = /^([^:]*):(\d+)$/.exec(keys.get('listen') ?? '') ?? []
  return head === 'socket' && port !== '0' ? [tcp(host === '' ? '*' : host, Number(port))] : []
}

const VNC_PORT = 5900

/** `:1` or `127.0.0.1:1`: displays are numbered. */
function vncOf(value: string): readonly HostPort[] {
  const [, host = '', display] = /^([^:,]*):(\d+)(?=,|$)/.exec(value) ?? []
  const isReversed = /,reverse(=on)?(,|$)/.test(value)
  return display === undefined || host === 'unix' || isReversed
    ? []
    : [tcp(host === '' ? '*' : host, VNC_PORT + Number(display))]
}

/** Options with a character device in short form. */
const SOCKET_WORDS = new Set(['qmp', 'qmp-pretty', 'serial', 'parallel', 'debugcon'])

const tcp = (address: string, port: number): HostPort => ({ protocol: 'tcp', address, port })

/** The key may come several times: `hostfwd=tcp:127.0.0.1:8080-:80`. Port 0 is any free one. */
function forwardsOf(value: string, keys: QemuOption['keys']): readonly HostPort[] {
  // In JSON: "hostfwd": [{ "str": "tcp::8080-:80" }].
  const inJson = [...keys].flatMap(([key, text]) =>
    /^hostfwd\.\d+\.str$/.test(key) ? [`hostfwd=${text}`] : [],
  )
  const all = [...(value.startsWith('{') ? [] : [value]), ...inJson].join(',')
  const found = all.matchAll(/(?:^|,)hostfwd=(?:(tcp|udp):|:)([^:,]*):(\d+)-/g)
  return [...found].flatMap(([, protocol = 'tcp', address = '', port]) =>
    port === '0' ? [] : [{ protocol: protocol as HostPort['protocol'], address, port: Number(port) }],
  )
}

const waits = (keys: QemuOption['keys']) => ['on', 'true', 'yes'].includes(keys.get('server') ?? '')

function hostOf(keys: QemuOption['keys']): readonly HostPort[] {
  const port = Number(keys.get('port') ?? keys.get('addr.port'))
  const host = keys.get('host') ?? keys.get('addr.host') ?? ''
  return port > 0 ? [tcp(host === '' ? '*' : host, port)] : []
}

/** What is known of a port; undefined where nothing is in the way, or where it was not checked. */
export function refusedPort({ hostPorts }: Facts, wanted: HostPort): PortFact | undefined {
  return hostPorts?.find(
    (fact) =>
      fact.state !== 'free' &&
      fact.protocol === wanted.protocol &&
      fact.address === wanted.address &&
      fact.port === wanted.port,
  )
}

/** Who has a port, in words. */
export function holderText({ holder }: PortFact): string {
  if (!holder) return 'another process has it'
  const { pid, command, uid } = holder
  return pid === undefined ? `a process of user ${uid} has it` : `process ${pid} (${command}) has it`
}

export function checkArgPorts(words: readonly string[], facts: Facts): readonly Diagnostic[] {
  return portsOfArgs(words).flatMap(({ index, text, port }) => {
    const fact = refusedPort(facts, port)
    if (!fact) return []
    const why =
      fact.state === 'taken' ? holderText(fact) : `ports below ${fact.firstOpen} are not open to this user`
    const remedy =
      fact.suggestion === undefined ? {} : { remedy: `use another port; ${fact.suggestion} is free` }
    return [
      problems.QEMU_ARG_PORT.at(
        `qemuArgs[${index}]`,
        `${text}: ${port.protocol} port ${port.port}: ${why}`,
        remedy,
      ),
    ]
  })
}
