/** QEMU's server for gdb, and a machine that waits at its first instruction until gdb continues it. */
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { defineDevice, type RuleContext } from '../device.ts'
import type { HostPort } from '../facts.ts'
import { holderText, refusedPort } from '../qemu-arg-ports.ts'
import { readQemuArgs } from '../qemu-args.ts'

export const problems = defineDiagnostics({
  GDB_PORT_REFUSED: {
    title: 'The port for gdb cannot be listened on.',
    why: 'another process has the port, or it is one of the low ports that need CAP_NET_BIND_SERVICE',
    remedy: 'use --gdb without a port: bringup then takes a free one and prints it',
    source: 'QEMU: "Failed to find an available port: Address already in use"',
    qemu: 'refuses',
  },
  GDB_TWICE: {
    title: 'A machine has two servers for gdb.',
    why: 'QEMU starts only the last one',
    remedy: 'remove one of `gdb` (--gdb), -s and -gdb',
    source: 'qemu(1), -gdb',
    qemu: 'misbehaves',
  },
  GDB_MISSING: {
    title: '-S without a server for gdb.',
    why: 'the machine would wait at its first instruction, and nothing could continue it',
    remedy: 'use --gdb, which starts the server and waits, or add `--qemu-arg -s`',
    source: 'qemu(1), -S',
    qemu: 'accepts',
  },
  GDB_OPEN: {
    severity: 'warning',
    title: 'A server for gdb that other computers reach.',
    why: 'any process that connects to the port can read and change all of the guest',
    remedy: 'use --gdb, or `-gdb tcp:127.0.0.1:1234`: both listen on this computer only',
    source: 'qemu(1), -gdb',
    qemu: 'accepts',
  },
})

const schema = z.lazy(() =>
  z
    .union([z.boolean(), z.int().min(1).max(65_535)])
    .describe(
      'Waits at the first instruction until gdb, connected to a port of 127.0.0.1, continues it. A number is the port; `true` takes a free one. The time-out counts from there, and stands still while gdb has stopped the guest.',
    ),
)

type Config = z.output<typeof schema>

const ADDRESS = '127.0.0.1'

const portOf = (config: Config): number => (typeof config === 'number' ? config : 0)

/** The port of gdb itself, for a command that is pasted: QEMU does not print the port that it took. */
export const USUAL_GDB = ['-gdb', `tcp:${ADDRESS}:1234`] as const
export const FREE_GDB = ['-gdb', `tcp:${ADDRESS}:0`] as const

/** How gdb reaches a machine. */
export interface GdbServer {
  /** What gdb's `target remote` takes; undefined where the kernel chooses the port, or bringup cannot read the option. */
  readonly remote?: string
  /** QEMU lists the port that it took. */
  readonly isFreePort: boolean
  /** The machine waits until gdb continues it. */
  readonly isStopped: boolean
}

/** The server of a machine, from its description or the user's own arguments for QEMU. */
export function gdbServerOf({
  gdb,
  qemuArgs,
}: {
  readonly gdb: Config
  readonly qemuArgs: readonly string[]
}): GdbServer | undefined {
  if (gdb !== false) {
    const port = portOf(gdb)
    return {
      isStopped: true,
      isFreePort: port === 0,
      ...(port === 0 ? {} : { remote: `${ADDRESS}:${port}` }),
    }
  }
  const own = readQemuArgs(qemuArgs)
  const server = own.findLast(isServer)
  if (!server) return undefined
  const isStopped = own.some((o) => o.name === 'S')
  const [, host = '', port] = /^tcp:([^:,]*):(\d+)/.exec(server.value ?? 'tcp::1234') ?? []
  const path = /^unix:([^,]+)/.exec(server.value ?? '')?.[1]
  const remote = path ?? (port === undefined ? undefined : `${host === '' ? ADDRESS : host}:${port}`)
  return { isStopped, isFreePort: port === '0', ...(remote && port !== '0' ? { remote } : {}) }
}

const isServer = ({ name, value }: { readonly name: string; readonly value: string | undefined }) =>
  name === 's' || (name === 'gdb' && value !== 'none')

const hostPort = (config: Config): HostPort => ({ protocol: 'tcp', address: ADDRESS, port: portOf(config) })

/** `gdb: true`, or a port. */
export const gdb = defineDevice({
  kind: 'gdb',
  summary: 'A server for gdb, with the machine stopped at its first instruction',
  schema,
  diagnostics: problems,
  savedState: (config) => config === false || 'gdb stops the guest at its first instruction',
  ports: (config) => (portOf(config) === 0 ? [] : [hostPort(config)]),
  check,
  compile: (config) =>
    config === false ? {} : { args: [['-S'], ['-gdb', `tcp:${ADDRESS}:${portOf(config)}`]] },
  notCompared: (config) =>
    config === false ? [] : [{ device: 'gdb', aspect: 'server', because: 'the guest cannot see it' }],
})

function check(config: Config, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const own = readQemuArgs(machine.qemuArgs)
  const servers = own.filter(isServer)
  const waits = own.find((o) => o.name === 'S')
  const fact = config === false || portOf(config) === 0 ? undefined : refusedPort(facts, hostPort(config))
  const at = (index: number) => `qemuArgs[${index}]`
  const text = ({ name, value }: (typeof servers)[number]) =>
    value === undefined ? `-${name}` : `-${name} ${value}`
  return [
    ...(fact
      ? [
          problems.GDB_PORT_REFUSED.at(
            path,
            `port ${fact.port}: ${
              fact.state === 'taken'
                ? holderText(fact)
                : `this user may listen on ${fact.firstOpen} and above`
            }`,
          ),
        ]
      : []),
    ...servers
      .slice(config === false ? 1 : 0)
      .map((server) => problems.GDB_TWICE.at(at(server.index), `${text(server)} is not the only server`)),
    ...(waits && config === false && servers.length === 0
      ? [problems.GDB_MISSING.at(at(waits.index), 'nothing could continue the machine')]
      : []),
    ...servers.flatMap((server) => {
      const [, host] = /^tcp:([^:,]*):/.exec(server.value ?? 'tcp::1234') ?? []
      const isOpen = host !== undefined && !/^(127\..*|localhost)$/.test(host)
      return isOpen
        ? [problems.GDB_OPEN.at(at(server.index), `${text(server)} listens on ${host || 'every address'}`)]
        : []
    }),
  ]
}
