/**
 * Step: the way from this computer to a bridge of a run, a pair of devices. Needs root. One of them lies in the namespace of
 * the run: the kernel removes both when that ends, also after SIGKILL.
 */
import * as z from 'zod'
import { defineDiagnostics } from '../../../diagnostics.ts'
import type { HostCommand } from '../../../steps/host-command.ts'
import type { HostReader } from '../../../steps/host-reader.ts'
import { defineStep } from '../../../steps/step.ts'
import { inPlace, placeSchema, readLink, zDeviceName } from '../place.ts'
import { explainIp, gone } from './explain.ts'

export const problems = defineDiagnostics({
  NETWORK_SUBNET_IN_USE: {
    title: 'This computer has another network with the addresses of a host network.',
    why: 'frames for its machines would go to the guests instead',
    remedy: 'use another `subnet`, or omit `reachable`',
    source: 'ip-route(8)',
  },
})

const schema = z.strictObject({
  place: placeSchema,
  /** Of the device of this computer. */
  name: zDeviceName,
  /** Of the device on the bridge. */
  peer: zDeviceName,
  bridge: zDeviceName,
  /** Of this computer on the network, with the length of its prefix. */
  address: z.string(),
  subnet: z.string(),
  mtu: z.int(),
})

type Params = z.output<typeof schema>

export const linkCommands = ({ place, name, peer, bridge, address, mtu }: Params): readonly HostCommand[] => {
  const root = (...words: readonly string[]): HostCommand => ({ argv: ['ip', ...words], asRoot: true })
  const size = ['mtu', `${mtu}`]
  return [
    root(
      'link',
      'add',
      'name',
      name,
      ...size,
      'type',
      'veth',
      'peer',
      'name',
      peer,
      ...size,
      'netns',
      `${place.pid}`,
    ),
    root('address', 'add', address, 'dev', name),
    root('link', 'set', 'dev', name, 'up'),
    { argv: inPlace(place, ['ip', 'link', 'set', 'dev', peer, 'master', bridge]) },
    { argv: inPlace(place, ['ip', 'link', 'set', 'dev', peer, 'up']) },
  ]
}

export const hostLink = defineStep<Params, { readonly wasThere: false }>({
  kind: 'network.link',
  schema,
  describe: ({ name, address }) => `give this computer ${address} on the network, by the device ${name}`,
  needs: ['root'],
  async check(params, host) {
    const { place, name, peer, bridge, address, subnet } = params
    const without = gone(place)
    if (without) return { state: 'blocked', diagnostics: [without] }
    const [own, other] = [await readLink(host, name), await readLink(host, peer, place)]
    if (own?.isUp && own.addresses.includes(address) && other?.isUp && other.master === bridge)
      return { state: 'done', detail: `${name} has ${address}` }
    const used = await usedBy(host, subnet, name)
    if (used !== undefined)
      return {
        state: 'blocked',
        diagnostics: [
          problems.NETWORK_SUBNET_IN_USE.at('', `${subnet}: this computer has the route "${used}"`),
        ],
      }
    const again: readonly HostCommand[] = own ? [remove(name)] : []
    const change = [...again, ...linkCommands(params)]
    return { state: 'change', detail: `${name} is missing`, before: { wasThere: false }, commands: change }
  },
  async undo({ name }, _before, host) {
    if (!(await readLink(host, name))) return { state: 'done', detail: `${name} is gone` }
    return { state: 'change', detail: `${name} is there`, commands: [remove(name)] }
  },
  explain: (_params, lines) => explainIp(lines),
})

const remove = (name: string): HostCommand => ({ argv: ['ip', 'link', 'delete', 'dev', name], asRoot: true })

/** A route of this computer to addresses of the subnet, the default route apart. */
async function usedBy(host: HostReader, subnet: string, name: string): Promise<string | undefined> {
  const asked = ['root', 'match'].map((how) => host.ask(['ip', '-4', 'route', 'show', how, subnet]))
  const routes = (await Promise.all(asked)).flatMap(({ stdout }) => stdout.split('\n'))
  return routes
    .map((route) => route.trim())
    .find((route) => route !== '' && !route.startsWith('default') && !route.includes(` dev ${name} `))
}
