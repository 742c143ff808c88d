/** Step: a tap of this user's on a bridge of a run: the plug for one card of one guest. */
import * as z from 'zod'
import type { HostCommand } from '../../../steps/host-command.ts'
import { defineStep } from '../../../steps/step.ts'
import { inPlace, isThere, placeSchema, readLink, zDeviceName } from '../place.ts'
import { explainIp, gone } from './explain.ts'

const schema = z.strictObject({
  place: placeSchema,
  name: zDeviceName,
  bridge: zDeviceName,
  mtu: z.int(),
  /** Several processors of the guest send at once. */
  hasQueues: z.boolean(),
})

type Params = z.output<typeof schema>

/** User 0 of the run's user namespace is this user. */
export const tapCommands = ({ place, name, bridge, mtu, hasQueues }: Params): readonly HostCommand[] => {
  const ip = (...words: readonly string[]): HostCommand => ({ argv: inPlace(place, ['ip', ...words]) })
  const queues = hasQueues ? ['multi_queue'] : []
  return [
    ip('tuntap', 'add', 'dev', name, 'mode', 'tap', 'user', '0', 'vnet_hdr', ...queues),
    ip('link', 'set', 'dev', name, 'mtu', `${mtu}`, 'master', bridge),
    ip('link', 'set', 'dev', name, 'up'),
  ]
}

export const hostTap = defineStep<Params, { readonly wasThere: false }>({
  kind: 'network.tap',
  schema,
  describe: ({ name, bridge }) => `make the tap ${name} of this user on the bridge ${bridge}`,
  async check(params, host) {
    const { place, name, bridge } = params
    const without = gone(place)
    if (without) return { state: 'blocked', diagnostics: [without] }
    const link = await readLink(host, name, place)
    if (link?.isUp && link.master === bridge) return { state: 'done', detail: `${name} is on ${bridge}` }
    const again: readonly HostCommand[] = link
      ? [{ argv: inPlace(place, ['ip', 'link', 'delete', 'dev', name]) }]
      : []
    const change = [...again, ...tapCommands(params)]
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
