/** What can be wrong with RDMA over a network card. */
import type { Diagnostic } from '../../diagnostics.ts'
import type { RuleContext } from '../device.ts'
import { problems } from './nic-problems.ts'
import { rdmaLinksOf } from './nic-rdma.ts'

/** All that is wrong with the RDMA device of one card. */
export function checkRdma({ machine, path }: RuleContext): readonly Diagnostic[] {
  const links = rdmaLinksOf(machine)
  const index = links.findIndex(({ at }) => at === `${path}.rdma`)
  const link = links[index]
  if (!link) return []
  const { at, id, kind, name, network } = link
  const twin = links.slice(0, index).find((other) => other.name === name)
  return [
    ...(network === 'none'
      ? [problems.NIC_RDMA_WITHOUT_NETWORK.at(at, `rdma "${kind}" on card "${id}", whose network is "none"`)]
      : []),
    ...(twin
      ? [
          problems.NIC_RDMA_NAME_TWICE.at(
            `${at}.name`,
            `"${name}" is also the RDMA device of card "${twin.id}"`,
          ),
        ]
      : []),
  ]
}
