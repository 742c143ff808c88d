/** Ports of the host that lead into the guest: how they are written, and which ones QEMU chose. */
import * as z from 'zod'

/** Without `host`, QEMU takes a free port when it starts; no other process can take it in between. */
export interface Forward {
  readonly protocol: 'tcp' | 'udp'
  readonly host?: number
  readonly guest: number
}

const zForward = z.lazy(() =>
  z.strictObject({
    protocol: z.enum(['tcp', 'udp']).default('tcp'),
    host: z
      .int()
      .optional()
      .describe('Port on 127.0.0.1 of the host. Default: a free one, told when the guest runs.'),
    guest: z.int().describe('Port in the guest.'),
  }),
)

const COMPACT = /^(?:(tcp|udp):)?(?:(\d{1,5})?-)?:?(\d{1,5})$/

/** `tcp:8080-:22`, `8080-22`, and for a free host port `tcp:-:22`, `:22` or `22`. Undefined for other text. */
export function parseForward(text: string): Forward | undefined {
  const [, protocol = 'tcp', host, guest] = COMPACT.exec(text.trim()) ?? []
  if (guest === undefined) return undefined
  return {
    protocol: protocol as 'tcp' | 'udp',
    ...(host === undefined ? {} : { host: Number(host) }),
    guest: Number(guest),
  }
}

const zCompact = z.lazy(() =>
  z.string().transform((text, context): Forward => {
    const forward = parseForward(text)
    if (forward) return forward
    context.addIssue({
      code: 'custom',
      message: `"${text}" is no forward; write "tcp:8080-:22", or ":22" for a free host port`,
    })
    return z.NEVER
  }),
)

/** A list of forwards, or one text with `+` between them, as the command line writes it. */
export const zForwards = z.lazy(() =>
  z
    .union([
      z.array(z.union([zForward, zCompact])),
      z
        .string()
        .transform((text) => text.split('+'))
        .pipe(z.array(zCompact)),
    ])
    .default([])
    .describe('Ports of 127.0.0.1 that lead into the guest: `{ guest: 22 }`, or "tcp:8080-:22".'),
)

export interface UserForward {
  /** Id of the card in the description. */
  readonly nic: string
  readonly protocol: string
  readonly hostPort: number
  readonly guestPort: number
}

/**
 * Reads the answer of the monitor command `info usernet`: which host ports lead where.
 * Port 0 in `hostfwd` makes QEMU take a free one, and this is the way to learn which (tried with 7.2).
 *
 * @example
 * Hub -1 (nic0-net):
 *   Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ
 *   TCP[HOST_FORWARD]   9       127.0.0.1 43075       10.0.2.15    22     0     0
 */
export function parseUserNet(text: string): readonly UserForward[] {
  const found: UserForward[] = []
  let nic = ''
  for (const line of text.split('\n')) {
    nic = /\((.+?)(?:-net)?\):\s*$/.exec(line)?.[1] ?? nic
    const [, protocol, hostPort, guestPort] =
      /^\s*(\w+)\[HOST_FORWARD\]\s+\d+\s+\S+\s+(\d+)\s+\S+\s+(\d+)/.exec(line) ?? []
    if (protocol === undefined) continue
    found.push({
      nic,
      protocol: protocol.toLowerCase(),
      hostPort: Number(hostPort),
      guestPort: Number(guestPort),
    })
  }
  return found
}
