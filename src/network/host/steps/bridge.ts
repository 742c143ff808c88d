/** Step: a bridge in the network namespace of a run. */
import * as z from 'zod'
import type { HostCommand } from '../../../steps/host-command.ts'
import { defineStep } from '../../../steps/step.ts'
import { inPlace, isThere, placeSchema, readLink, zDeviceName } from '../place.ts'
import { explainIp, gone } from './explain.ts'

const schema = z.strictObject({
  place: placeSchema,
  name: zDeviceName,
  /** With the length of its prefix. */
  address: z.string(),
  mtu: z.int(),
})

type Params = z.output<typeof schema>

/** STP and snooping delay and filter frames, which a test network must not. */
export const bridgeCommands = ({ place, name, address, mtu }: Params): readonly HostCommand[] => {
  const ip = (...words: readonly string[]): HostCommand => ({ argv: inPlace(place, ['ip', ...words]) })
  const still = ['stp_state', '0', 'forward_delay', '0', 'mcast_snooping', '0']
  return [
    ip('link', 'add', 'name', name, 'mtu', `${mtu}`, 'type', 'bridge', ...still),
    ip('address', 'add', address, 'dev', name),
    ip('link', 'set', 'dev', 'lo', 'up'),
    ip('link', 'set', 'dev', name, 'up'),
  ]
}

export const hostBridge = defineStep<Params, { readonly wasThere: false }>({
  kind: 'network.bridge',
  schema,
  describe: ({ name, address }) =>
    `make the bridge ${name} with ${address} in the network namespace of the run`,
  async check(params, host) {
    const { place, name, address } = params
    const without = gone(place)
    if (without) return { state: 'blocked', diagnostics: [without] }
    const link = await readLink(host, name, place)
    if (link?.isUp && link.addresses.includes(address)) return { state: 'done', detail: `${name} is up` }
    // One that a killed process has left half made is made again.
    const again: readonly HostCommand[] = link
      ? [{ argv: inPlace(place, ['ip', 'link', 'delete', 'dev', name]) }]
      : []
    const change = [...again, ...bridgeCommands(params)]
    return { state: 'change', detail: `${name} is missing`, before: { wasThere: false }, commands: change }
  },
  async undo({ place, name }, _before, host) {
    if (!isThere(place)) return { state: 'done', detail: 'gone with the network namespace of the run' }
    if (!(await readLink(host, name, place))) return { state: 'done', detail: `${name} is gone` }
    const command = { argv: inPlace(place, ['ip', 'link', 'delete', 'dev', name]) }
    return { state: 'change', detail: `${name} is there`, commands: [command] }
  },
  explain: (_params, lines) => explainIp(lines),
})
