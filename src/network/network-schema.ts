/** The description of a private network, as people write it. */
import * as z from 'zod'
import { zBytes } from '../units.ts'
import { parseSubnet } from './addresses.ts'
import { faultSchema } from './fault-schema.ts'

/** IPv4 needs packets of 576 bytes (RFC 791); more than 65535 do not fit its length field. */
const [LEAST_MTU, MOST_MTU] = [576, 65_535]

/** Room for the longest frame beside another one. */
const LEAST_QUEUE = 128 * 1024

/** Of a private network, where the description does not say. */
export const USUAL_QUEUE = 1024 * 1024

const zHost = z.lazy(() =>
  z.strictObject({
    address: z
      .ipv4()
      .optional()
      .describe(
        'Address of the bridge, on which DHCP and DNS are answered. Default: the first one of the subnet.',
      ),
    reachable: z
      .union([z.boolean(), z.ipv4()])
      .default(false)
      .describe(
        'Whether this computer has an address on the network, and programs of it reach the guests: `true` for the second address of the subnet, or an address. Needs root.',
      ),
    dhcpd: z
      .string()
      .min(1)
      .optional()
      .describe(
        'Configuration file for ISC dhcpd, which then answers DHCP instead of dnsmasq; relative to the project. Addresses are those of the file.',
      ),
  }),
)

const hostSchema = z.lazy(() => z.union([z.literal(true).transform(() => zHost.parse({})), zHost]))

/** Unknown keys are refused. */
export const networkSchema = z.lazy(() =>
  z.strictObject({
    subnet: z
      .string()
      .refine((text) => parseSubnet(text) !== undefined, {
        error: ({ input }) =>
          `"${input}" is not a subnet; write its first address and the length of its prefix, such as "10.1.0.0/24"`,
      })
      .optional()
      .describe(
        'Addresses of the network. Default: 10.1.0.0/24 for the first network, 10.2.0.0/24 for the second …',
      ),
    dhcp: z
      .boolean()
      .default(true)
      .describe('Whether the network answers DHCP: each guest gets its address.'),
    dns: z
      .boolean()
      .default(true)
      .describe('Whether the network answers DNS: names of guests, alone and with `.NETWORK` behind them.'),
    router: z
      .boolean()
      .default(true)
      .describe(
        'Whether DHCP names the network’s own address as the router. Set it to false where another card of the guest has the way out.',
      ),
    mtu: z
      .int()
      .min(LEAST_MTU)
      .max(MOST_MTU)
      .default(1500)
      .describe('Longest packet. DHCP tells the guests; longer frames are dropped.'),
    queue: zBytes
      .refine((bytes) => bytes >= LEAST_QUEUE, { error: 'less than 128K' })
      .default(USUAL_QUEUE)
      .describe('What may wait for one guest. Frames beyond it are dropped, whole ones.'),
    capture: z
      .union([z.boolean(), z.strictObject({ limit: zBytes.describe('Longest capture file.') })])
      .default(false)
      .describe('Whether all frames are written to networks/NAME.pcapng of the run. Default limit: 1G.'),
    faults: z.array(faultSchema).default([]).describe('Faults from the start on.'),
    host: hostSchema
      .optional()
      .describe(
        'A bridge and taps of this computer’s kernel instead of a switch of bringup’s own. `true`: all defaults.',
      ),
  }),
)

/** A network as a person writes it. */
export type NetworkInput = z.input<typeof networkSchema>
/** A network with its defaults. */
export type Network = z.output<typeof networkSchema>
