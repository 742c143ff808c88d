/** The network namespace of a run's host networks: plain data that steps refer to, and the words that run in it. */
import * as z from 'zod'
import { startTimeOf } from '../../host/process-start.ts'
import type { HostReader } from '../../steps/host-reader.ts'

/** The process that holds it, named so that a number that is used again is not taken for it. */
export const placeSchema = z.strictObject({ pid: z.int().min(1), beganAt: z.string() })
export type Place = z.output<typeof placeSchema>

/** The name of a network device (linux/if.h: IFNAMSIZ). */
export const zDeviceName = z.string().regex(/^[a-z0-9][a-z0-9.-]{0,14}$/)

export const isThere = ({ pid, beganAt }: Place): boolean => beganAt !== '' && startTimeOf(pid) === beganAt

/** The user is root in it already: nothing but the namespaces is changed. */
export function inPlace({ pid }: Pick<Place, 'pid'>, argv: readonly string[]): readonly string[] {
  return ['nsenter', '--target', `${pid}`, '--user', '--net', '--preserve-credentials', '--', ...argv]
}

/** For services, which end with their supervisor: entering namespaces clears what setpriv has set, so that it is set again. */
export function serviceWords(place: Pick<Place, 'pid'>): readonly [string, ...string[]] {
  const [first = '', ...rest] = inPlace(place, ['setpriv', '--pdeathsig', 'KILL', '--'])
  return [first, ...rest]
}

/** What the kernel says of a network device. */
export interface Link {
  readonly master?: string
  readonly isUp: boolean
  readonly mtu: number
  /** `bridge`, `tun`, `veth` */
  readonly kind?: string
  /** Addresses of IPv4 with the lengths of their prefixes. */
  readonly addresses: readonly string[]
}

/** A device of a namespace, or of this computer's own where there is no place; undefined for one that is not there. */
export async function readLink(host: HostReader, name: string, place?: Place): Promise<Link | undefined> {
  const words = ['ip', '-details', '-json', 'address', 'show', 'dev', name]
  const { stdout, exitCode } = await host.ask(place ? inPlace(place, words) : words)
  return exitCode === 0 ? parseLink(stdout) : undefined
}

interface IpAddress {
  readonly family?: string
  readonly local?: string
  readonly prefixlen?: number
}
interface IpDevice {
  readonly ifname?: string
  readonly master?: string
  readonly mtu?: number
  readonly flags?: readonly string[]
  readonly linkinfo?: { readonly info_kind?: string }
  readonly addr_info?: readonly IpAddress[]
}

/** Output of `ip -details -json address show dev NAME`. Pure. */
export function parseLink(json: string): Link | undefined {
  const [device] = (JSON.parse(json === '' ? '[]' : json) as readonly IpDevice[]).filter((d) => d.ifname)
  if (!device) return undefined
  const { master, mtu = 0, flags = [], linkinfo, addr_info = [] } = device
  return {
    ...(master === undefined ? {} : { master }),
    isUp: flags.includes('UP'),
    mtu,
    ...(linkinfo?.info_kind === undefined ? {} : { kind: linkinfo.info_kind }),
    addresses: addr_info.flatMap(({ family, local, prefixlen }) =>
      family === 'inet' ? [`${local}/${prefixlen}`] : [],
    ),
  }
}
