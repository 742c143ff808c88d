/** The commands that a run would run for a host network. Pure: nothing is looked at. */
import type { HostCommand } from '../../steps/host-command.ts'
import { parseSubnet } from '../addresses.ts'
import type { NetworkPlan } from '../network-plan.ts'
import { hostNames } from './host-steps.ts'
import { bridgeCommands } from './steps/bridge.ts'
import { linkCommands } from './steps/link.ts'
import { tapCommands } from './steps/tap.ts'

/** Names have `{run}` for the part that each run chooses; the namespace is made by `unshare`, as this user. */
export function previewOf(plan: NetworkPlan): readonly HostCommand[] {
  const { subnet, gateway, mtu, ports, host } = plan
  const { bridge, link: name, peer, taps } = hostNames(plan, '{run}')
  const place = { pid: 0, beganAt: '' }
  const address = `${gateway.address}/${parseSubnet(subnet)?.bits}`
  const all = [
    ...bridgeCommands({ place, name: bridge, address, mtu }),
    ...ports.flatMap(({ id, queues = 1 }) =>
      tapCommands({ place, name: taps.get(id) ?? '', bridge, mtu, hasQueues: queues > 1 }),
    ),
    ...(host?.reachable === undefined
      ? []
      : linkCommands({ place, name, peer, bridge, address: host.reachable, subnet, mtu })),
  ]
  const named = (word: string, index: number, argv: readonly string[]) =>
    word === '0' && ['--target', 'netns'].includes(argv[index - 1] ?? '') ? '{namespace}' : word
  return all.map((command) => ({ ...command, argv: command.argv.map(named) }))
}

/** Those of them that need root. */
export const rootCommandsOf = (plan: NetworkPlan): readonly (readonly string[])[] =>
  plan.host ? previewOf(plan).flatMap(({ argv, asRoot }) => (asRoot ? [argv] : [])) : []
