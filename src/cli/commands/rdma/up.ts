/** `bringup rdma up`: makes RDMA of this computer ready for guests. */
import { existsSync, readdirSync } from 'node:fs'
import { resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { readRdmaDevices } from '../../../host/rdma.ts'
import type { RdmaDeviceFact } from '../../../machine/facts.ts'
import { nearest } from '../../../nearest.ts'
import { OPERATION_NAME, OWN_INTERFACE, type RdmaRequest, rdmaSteps } from '../../../rdma/operation.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { changeHost, OPERATION_OPTIONS, resumeChange } from '../../operation.ts'
import { usageError } from '../../usage.ts'

export const problems = defineDiagnostics({
  RDMA_IS_UP: {
    title: 'bringup has already made RDMA ready on this computer.',
    why: 'one operation holds all changes, so that one undo takes all of them back',
    remedy: '`bringup rdma status` shows it; to change it, run `bringup rdma down`, then up again',
  },
  RDMA_INTERFACE_UNKNOWN: {
    title: 'The network interface for soft-RoCE does not exist.',
    why: 'an RDMA device in software sends by a network interface',
    remedy: 'name one of `ip link`, or omit --on: bringup makes one',
  },
})

/** The first name for a new device that no device has: `rxe0`. Pure. */
export function freeName(taken: readonly string[]): string {
  for (let n = 0; ; n++) if (!taken.includes(`rxe${n}`)) return `rxe${n}`
}

export const up: Command = {
  summary: 'use the RDMA device, or make one in software, and clear the way for guests',
  description:
    'Loads ib_uverbs and ib_umad, unloads ib_cm and rdma_cm with what uses them (the plan says what stops working), and gives this user access. Without hardware, or with --on, it makes soft-RoCE. MLNX_OFED is installed from a local archive only, with its checksum.',
  options: [
    {
      flags: '--device <name>',
      description:
        'RDMA device to use, or to make (default: the one that exists, else the first free name of rxe0, rxe1, …)',
    },
    {
      flags: '--on <interface>',
      description: `make soft-RoCE on this network interface (default without hardware: ${OWN_INTERFACE}, which is made and not connected)`,
    },
    { flags: '--ofed <archive>', description: 'install MLNX_OFED from this .tgz first', from: 'files' },
    { flags: '--sha256 <sum>', description: 'checksum that the archive must have' },
    ...OPERATION_OPTIONS,
  ],
  examples: [
    { command: 'bringup rdma up --dry-run', says: 'what would be done' },
    { command: 'bringup rdma up --yes', says: 'for a script' },
    { command: 'bringup rdma up --on eth1', says: 'soft-RoCE that reaches other computers' },
    {
      command: 'bringup rdma up --device mlx5_0 --ofed MLNX_OFED_LINUX-5.8-x86_64.tgz --sha256 SUM',
      says: 'a card of NVIDIA’s with its own driver',
    },
  ],
  run,
}

async function run(invocation: Invocation): Promise<number> {
  const { output, options } = invocation
  const current = currentOperation(OPERATION_NAME)
  if (current && current.state !== 'done') {
    output.note(`"${current.title}" (${current.id}) is not finished: going on with it.`)
    return resumeChange(invocation, current)
  }
  if (current) throw new BringupError([problems.RDMA_IS_UP.at('', `${current.id}: ${current.title}`)])
  const request = requestOf(options)
  const title =
    request.soft === undefined
      ? `make RDMA device ${request.device} ready for guests`
      : `make soft-RoCE ${request.device} on ${request.soft.interface} ready for guests`
  return changeHost(invocation, { name: OPERATION_NAME, title, steps: rdmaSteps(request) })
}

function requestOf(options: Invocation['options']): RdmaRequest {
  const devices = readRdmaDevices()
  const { device: wanted, on } = options
  const found = devices.find(({ name }) => (wanted === undefined ? on === undefined : name === wanted))
  // A soft device that the interface has already stays as it is.
  const there = found ?? devices.find((one) => typeof on === 'string' && isSoftOn(one, on))
  const device =
    typeof wanted === 'string' ? wanted : (there?.name ?? freeName(devices.map(({ name }) => name)))
  if (!/^[\w.-]{1,60}$/.test(device))
    throw usageError(`--device ${device} is not a valid name of an RDMA device`)
  const ofed = ofedOf(options)
  const uid = process.getuid?.() ?? 0
  const base = { device, uid, ...(ofed ? { ofed } : {}) }
  // A driver of hardware makes its device once it is installed.
  if (typeof on !== 'string' && (found !== undefined || ofed !== undefined)) return base
  const name = typeof on === 'string' ? on : OWN_INTERFACE
  if (typeof on === 'string' && !existsSync(`/sys/class/net/${on}`)) {
    const near = nearest(on, readdirSync('/sys/class/net'))
    const hint = near === undefined ? '' : `; did you mean "${near}"?`
    throw new BringupError([
      problems.RDMA_INTERFACE_UNKNOWN.at('--on', `no network interface "${on}"${hint}`),
    ])
  }
  return { ...base, soft: { interface: name, isMade: typeof on !== 'string' } }
}

const isSoftOn = ({ driver, ports }: RdmaDeviceFact, netdev: string) =>
  driver === undefined && ports.some((port) => port.netdev === netdev)

function ofedOf({ ofed, sha256 }: Invocation['options']): RdmaRequest['ofed'] {
  if (ofed === undefined && sha256 === undefined) return undefined
  if (typeof ofed !== 'string') throw usageError('--sha256 goes with --ofed')
  if (typeof sha256 !== 'string' || !/^[0-9a-f]{64}$/i.test(sha256))
    throw usageError(
      '--ofed goes with --sha256 and its 64 hexadecimal digits',
      'NVIDIA’s download page has it',
    )
  return { archive: resolve(ofed), sha256: sha256.toLowerCase() }
}
