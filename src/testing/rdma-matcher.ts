/** The matcher on RDMA devices of a guest: it waits, since ports come up and GIDs are filled in by and by. */
import type { Guest } from '../guest/guest.ts'
import type { GuestRdmaDevice } from '../machine/guest-view.ts'
import { CallLog, type Outcome } from './call-log.ts'

/** What an RDMA device should be; every key that is given must fit. */
export interface WantedRdma {
  /** Default 1. */
  readonly port?: number
  /** Of the port. Default `ACTIVE`. */
  readonly state?: string
  readonly linkLayer?: string
  /** The network device that it sends over: `eth0`. */
  readonly netdev?: string
  /** A GID that the port has, as ibv_devinfo prints it: `::ffff:10.1.0.10`. */
  readonly gid?: string
  /** Type of that GID, or of the first one. */
  readonly gidType?: string
  /** Default 30,000. */
  readonly timeoutMs?: number
}

/** Looks again when the guest has answered, which takes it some milliseconds. */
export async function toHaveRdmaDevice(
  this: { readonly isNot: boolean },
  guest: Guest,
  name: string,
  { timeoutMs = 30_000, ...wanted }: WantedRdma = {},
): Promise<Outcome> {
  const log = new CallLog()
  const { isNot } = this
  const deadline = AbortSignal.timeout(timeoutMs)
  let received = ''
  for (;;) {
    const devices = await guest.rdma.devices()
    const wrong = rdmaDifferences(devices, name, wanted)
    const now = wrong.length === 0 ? `${name} is as wanted` : wrong.join('\n  ')
    if (now !== received) log.add(now)
    received = now
    if (wrong.length === 0 || isNot || deadline.aborted) {
      const expected = `RDMA device ${name} ${JSON.stringify({ state: 'ACTIVE', ...wanted })}`
      return log.outcome(wrong.length === 0, { expected, received, guest, isNot })
    }
  }
}

/** In what the device is otherwise: `state: wanted "ACTIVE", reported "DOWN"`. */
export function rdmaDifferences(
  devices: readonly GuestRdmaDevice[],
  name: string,
  { port = 1, state = 'ACTIVE', linkLayer, netdev, gid, gidType }: Omit<WantedRdma, 'timeoutMs'>,
): readonly string[] {
  const device = devices.find((one) => one.name === name)
  const others = devices.map((one) => one.name).join(', ')
  if (!device) return [`no RDMA device "${name}"${others === '' ? '' : `; there is ${others}`}`]
  const found = device.ports.find((one) => one.port === port)
  if (!found) return [`${name} has no port ${port}`]
  const entry = gid === undefined ? found.gids[0] : found.gids.find((one) => one.gid === gid)
  const row = (key: string, want: string | undefined, got: string | undefined) =>
    want === undefined || want === got
      ? []
      : [`${key}: wanted ${JSON.stringify(want)}, reported ${JSON.stringify(got ?? null)}`]
  return [
    ...row('state', state, found.state),
    ...row('linkLayer', linkLayer, found.linkLayer),
    ...row('netdev', netdev, found.netdev),
    ...(gid !== undefined && !entry
      ? [`gid: wanted ${gid}, reported ${found.gids.map((one) => one.gid).join(', ') || 'none'}`]
      : row('gidType', gidType, entry?.type)),
  ]
}
