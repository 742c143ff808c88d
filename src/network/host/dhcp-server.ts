/** What answers DHCP and DNS on a host network: dnsmasq, or ISC dhcpd with a configuration of the user's. */
import { copyFileSync, existsSync, renameSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import { makeFolder, OWN_FILE, partialName } from '../../own-files.ts'
import { parseService, type ServiceSpec } from '../../services/service.ts'
import { formatIpv4, hostsOf, parseIpv4, parseSubnet } from '../addresses.ts'
import type { NetworkPlan } from '../network-plan.ts'

export const problems = defineDiagnostics({
  NETWORK_SERVER_MISSING: {
    title: 'The DHCP server of a host network is not installed.',
    why: 'dnsmasq answers DHCP and DNS on a host network, and dhcpd where `host.dhcpd` names its configuration',
    remedy:
      'install it (Debian, Ubuntu: apt install dnsmasq-base, or isc-dhcp-server), set `dhcp` and `dns` to false, or omit `host`: a private network answers itself',
    source: 'dnsmasq(8), dhcpd(8)',
  },
  NETWORK_DHCPD_CONFIG: {
    title: 'The configuration of dhcpd for a host network cannot be read.',
    why: 'dhcpd takes subnets and addresses from it',
    remedy: 'correct `host.dhcpd`; a relative path is relative to the folder of the project',
    source: 'dhcpd.conf(5)',
  },
})

export interface ServerContext {
  readonly bridge: string
  /** For leases and the configuration, which are part of the record of the run. It must exist. */
  readonly folder: string
  readonly cacheFolder: string
}

/**
 * The service, to be run in the namespace of the network; undefined where nothing answers.
 *
 * @throws BringupError NETWORK_SERVER_MISSING, NETWORK_DHCPD_CONFIG
 */
export function addressService(plan: NetworkPlan, context: ServerContext): ServiceSpec | undefined {
  if (plan.host?.dhcpd !== undefined) return dhcpd(plan, plan.host.dhcpd, context)
  return plan.dhcp || plan.dns ? dnsmasq(plan, context) : undefined
}

/** Options and no file: those of this computer's own dnsmasq do not count. */
function dnsmasq(plan: NetworkPlan, { bridge, folder }: ServerContext): ServiceSpec {
  const { name } = plan
  const argv = [
    need('dnsmasq', name),
    '--keep-in-foreground',
    '--log-facility=-',
    '--conf-file=/dev/null',
    '--no-hosts',
    '--no-resolv',
    '--no-poll',
    '--pid-file=',
    // Root of the user namespace is this user, and there is no other user to change to.
    '--user=root',
    '--group=',
    `--interface=${bridge}`,
    '--except-interface=lo',
    '--bind-interfaces',
    ...dnsWords(plan),
    ...(plan.dhcp ? [`--dhcp-leasefile=${join(folder, `${name}.leases`)}`, ...dhcpWords(plan)] : []),
  ]
  const [program = '', ...args] = argv
  return parseService({ name: `${name}-dnsmasq`, argv: [program, ...args], ready: { pattern: 'started, ' } })
}

function dnsWords({ name, dns, gateway, ports }: NetworkPlan): readonly string[] {
  if (!dns) return ['--port=0']
  const hosts = [
    ['gateway', gateway.address] as const,
    ...ports.flatMap(({ guest, address }) => (address === undefined ? [] : [[guest, address] as const])),
  ]
  return [
    `--domain=${name}`,
    `--local=/${name}/`,
    '--expand-hosts',
    // Names without a dot go nowhere else.
    '--domain-needed',
    ...hosts.map(([host, address]) => `--host-record=${host},${host}.${name},${address}`),
  ]
}

/** Static leases: each card has the address that the plan shows. Others get one of the rest of the subnet. */
function dhcpWords({ subnet, gateway, router, mtu, dns, ports, host }: NetworkPlan): readonly string[] {
  const net = parseSubnet(subnet)
  if (net === undefined) throw new Error(`subnet ${subnet} was not checked`)
  const { first, last } = hostsOf(net)
  const own = [gateway.address, host?.reachable?.split('/')[0] ?? ''].map((text) => parseIpv4(text) ?? 0)
  const free = Math.max(...own, ...ports.map(({ address = '' }) => parseIpv4(address) ?? 0)) + 1
  const range = free <= last ? `${formatIpv4(free)},${formatIpv4(last)}` : `${formatIpv4(first)},static`
  return [
    `--dhcp-range=${range},12h`,
    '--dhcp-authoritative',
    '--no-ping',
    `--dhcp-option=option:mtu,${mtu}`,
    // Without a value dnsmasq names none.
    router ? `--dhcp-option=option:router,${gateway.address}` : '--dhcp-option=option:router',
    ...(dns ? [] : ['--dhcp-option=option:dns-server']),
    ...ports.flatMap(({ mac, address, guest }) =>
      address === undefined ? [] : [`--dhcp-host=${mac},${address},${guest}`],
    ),
  ]
}

function dhcpd(
  plan: NetworkPlan,
  config: string,
  { bridge, folder, cacheFolder }: ServerContext,
): ServiceSpec {
  const { name } = plan
  const own = join(folder, `${name}-dhcpd.conf`)
  const leases = join(folder, `${name}.leases`)
  const program = copyOf(need('dhcpd', name), join(cacheFolder, 'dhcpd'))
  try {
    copyFileSync(config, own)
  } catch (error) {
    const what = `${config} of network "${name}": ${(error as NodeJS.ErrnoException).code}`
    throw new BringupError([problems.NETWORK_DHCPD_CONFIG.at(`networks.${name}.host.dhcpd`, what)])
  }
  // dhcpd does not start without a file of leases.
  writeFileSync(leases, '', { mode: OWN_FILE })
  return parseService({
    name: `${name}-dhcpd`,
    argv: [program, '-f', '-d', '-4', '-cf', own, '-lf', leases, '--no-pid', bridge],
    ready: { pattern: 'Server starting service' },
  })
}

/**
 * A program at another path: a profile of AppArmor is bound to the usual path, allows the usual files only, and is not
 * bringup's to change.
 */
function copyOf(program: string, cache: string): string {
  const { size, mtimeMs } = statSync(program)
  const path = join(cache, `dhcpd-${size}-${Math.floor(mtimeMs)}`)
  if (existsSync(path)) return path
  makeFolder(cache)
  const partial = partialName(path)
  copyFileSync(program, partial)
  renameSync(partial, path)
  return path
}

function need(program: string, network: string): string {
  const found = findProgram(program)
  if (found !== undefined) return found
  const what = `network "${network}" needs ${program}, which is not on this computer`
  throw new BringupError([problems.NETWORK_SERVER_MISSING.at(`networks.${network}.host`, what)])
}
