/** Rules of network cards. */
import type { Diagnostic } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import type { RuleContext } from '../device.ts'
import type { Facts, HostPort } from '../facts.ts'
import { holderText, refusedPort } from '../qemu-arg-ports.ts'
import { earlier, macOf } from './nic-cards.ts'
import type { Forward } from './nic-forwards.ts'
import { problems } from './nic-problems.ts'
import { checkRdma } from './nic-rdma-rules.ts'
import { isJoinedBy, type NicConfig, PASST } from './nic-schema.ts'

/** All that is wrong with one card. */
export function checkNic(config: NicConfig, context: RuleContext): readonly Diagnostic[] {
  return [
    ...checkNetwork(config, context),
    ...checkBackend(config, context),
    ...checkMac(config, context),
    ...checkForwards(config, context),
    ...checkOptions(config, context),
    ...checkRdma(context),
  ]
}

/** Options that the model does not have, and queues that the network does not have. */
function checkOptions(
  { model, queues, offloads, network, rom }: NicConfig,
  { facts, path }: RuleContext,
): readonly Diagnostic[] {
  const isVirtio = model === 'virtio-net-pci'
  const hasTap = facts.hostNetworks?.includes(network) === true
  const file = typeof rom === 'string' ? facts.files.get(rom) : undefined
  const isRom = file === undefined || (file.kind === 'file' && file.isReadable)
  return [
    ...(isRom
      ? []
      : [problems.NIC_ROM_UNREADABLE.at(`${path}.rom`, `there is no readable file ${file.path}`)]),
    ...(queues > 1 && !isVirtio
      ? [problems.NIC_OPTION_UNSUPPORTED.at(`${path}.queues`, `model ${model} has one queue, not ${queues}`)]
      : []),
    ...(queues > 1 && isVirtio && !hasTap
      ? [problems.NIC_QUEUES_WITHOUT_TAP.at(`${path}.queues`, `${queues} queues on network "${network}"`)]
      : []),
    ...(!offloads && !isVirtio && model !== 'e1000e'
      ? [
          problems.NIC_OPTION_UNSUPPORTED.at(
            `${path}.offloads`,
            `offloads of model ${model} cannot be switched off`,
          ),
        ]
      : []),
  ]
}

function checkNetwork({ network, address }: NicConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  const known = facts.networks ?? []
  if ((!isJoinedBy(network) || network === PASST) && address !== undefined)
    return [
      problems.NIC_ADDRESS_WITHOUT_NETWORK.at(`${path}.address`, `${address}, but network is "${network}"`),
    ]
  if (!isJoinedBy(network) || network === PASST || known.includes(network)) return []
  const near = nearest(network, known)
  const hint = near === undefined ? '' : `; did you mean "${near}"?`
  return [problems.NIC_NETWORK_UNKNOWN.at(`${path}.network`, `network "${network}" is not described${hint}`)]
}

function checkBackend({ network }: NicConfig, { facts, path }: RuleContext): readonly Diagnostic[] {
  const { qemu, hostNetworks = [] } = facts
  const ofRack = hostNetworks.includes(network) ? 'tap' : 'stream'
  const backend = isJoinedBy(network) ? ofRack : network
  const known = qemu?.netdevs ?? []
  if (!qemu || backend === 'none' || known.length === 0 || known.includes(backend)) return []
  const what = `network "${network}" needs \`-netdev ${backend}\`, which QEMU ${qemu.version.join('.')} at ${qemu.path} lacks`
  return [problems.NIC_BACKEND_MISSING.at(`${path}.network`, what)]
}

const MAC = /^[0-9a-f]{2}(?:[:-][0-9a-f]{2}){5}$/i

function checkMac(config: NicConfig, { machine, path }: RuleContext): readonly Diagnostic[] {
  const at = `${path}.mac`
  const mac = macOf(config, machine)
  if (!MAC.test(mac)) return [problems.NIC_MAC_INVALID.at(at, `"${mac}" is no MAC address`)]
  const isGroup = (Number.parseInt(mac.slice(0, 2), 16) & 1) === 1
  const isZero = /^[0:-]*$/.test(mac)
  const twin = earlier(machine, path).find((d) => macOf(d.config, machine, d.id) === mac)
  return [
    ...(isGroup || isZero
      ? [problems.NIC_MAC_NOT_UNICAST.at(at, `${mac} is ${isZero ? 'all zeros' : 'a group address'}`)]
      : []),
    ...(twin ? [problems.NIC_MAC_TWICE.at(at, `${mac} is also the address of ${twin.path}`)] : []),
  ]
}

function checkForwards(
  { network, forwards }: NicConfig,
  { machine, facts, path }: RuleContext,
): readonly Diagnostic[] {
  const before = earlier(machine, path).flatMap((d) => d.config.forwards)
  return [
    ...(network !== 'user' && forwards.length > 0
      ? [problems.NIC_FORWARD_WITHOUT_NETWORK.at(`${path}.forwards`, `network is "${network}"`)]
      : []),
    ...forwards.flatMap((forward, index) =>
      checkForward(forward, [...before, ...forwards.slice(0, index)], `${path}.forwards[${index}]`),
    ),
    ...(network === 'user'
      ? forwards.flatMap((forward, index) => checkHost(forward, facts, `${path}.forwards[${index}].host`))
      : []),
  ]
}

function checkForward(
  { protocol, host, guest }: Forward,
  taken: readonly Forward[],
  at: string,
): readonly Diagnostic[] {
  const isPort = (port: number) => port >= 1 && port <= 65535
  const isTaken = host !== undefined && taken.some((t) => t.host === host && t.protocol === protocol)
  return [
    ...(host !== undefined && !isPort(host)
      ? [problems.NIC_PORT_RANGE.at(`${at}.host`, `host port ${host}`)]
      : []),
    ...(isPort(guest) ? [] : [problems.NIC_PORT_RANGE.at(`${at}.guest`, `guest port ${guest}`)]),
    ...(isTaken
      ? [problems.NIC_PORT_TWICE.at(`${at}.host`, `${protocol} port ${host} of the host is forwarded twice`)]
      : []),
  ]
}

/** Forwards are for this computer only. */
export const ADDRESS = '127.0.0.1'

export const hostPort = ({ protocol, host }: Forward): HostPort | undefined =>
  host === undefined || host < 1 || host > 65_535 ? undefined : { protocol, address: ADDRESS, port: host }

/** Whether QEMU could listen there now. */
function checkHost(forward: Forward, facts: Facts, at: string): readonly Diagnostic[] {
  const wanted = hostPort(forward)
  const fact = wanted && refusedPort(facts, wanted)
  if (!fact) return []
  const { protocol, port, suggestion, firstOpen } = fact
  const remedy =
    suggestion === undefined
      ? {}
      : {
          remedy: `use port ${suggestion}, which is free (${protocol}:${suggestion}-:${forward.guest}), or omit the host port and bringup takes a free one (${protocol}:-:${forward.guest})`,
        }
  return fact.state === 'taken'
    ? [problems.NIC_PORT_TAKEN.at(at, `${protocol} port ${port} is in use: ${holderText(fact)}`, remedy)]
    : [
        problems.NIC_PORT_PRIVILEGED.at(
          at,
          `${protocol} port ${port}: this user may listen on ${firstOpen} and above`,
          remedy,
        ),
      ]
}
