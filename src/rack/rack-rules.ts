/** What is wrong with a rack, apart from what is wrong with its machines. Pure. */

import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { forwardsOf } from '../machine/parts.ts'
import { formatPath } from '../machine/schema-issues.ts'
import { nearest } from '../nearest.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { guestNames } from './guest-names.ts'
import type { RackConfig } from './rack-schema.ts'

export const problems = defineDiagnostics({
  RACK_GUEST_UNKNOWN: {
    title: 'A rack names a guest that it does not have.',
    why: '`after` and `passes` refer to guests of the same rack',
    remedy: 'correct the name, or describe that guest',
  },
  RACK_GUEST_NAME_TWICE: {
    title: 'Two guests of a rack have the same name.',
    why: 'guests of a `count` are called NAME-1, NAME-2, and so on',
    remedy: 'rename one of them',
  },
  RACK_ORDER_CIRCLE: {
    title: 'Guests of a rack wait for one another in a circle.',
    why: 'none of them would ever start',
    remedy: 'remove one `after` of the circle',
  },
  RACK_SERVICE_NETWORK: {
    title: 'A service is on a network that is no host network of its rack.',
    why: 'a private network has no way for programs of this computer',
    remedy: 'name a network of the rack that has `host`, or omit `network`',
  },
  RACK_STORE_SHARED: {
    title: 'Two guests of a rack write to the same file.',
    why: 'a backing file is locked by the guest that uses it, so the second guest could not start',
    remedy: 'give each guest a file of its own, or set `shared: true` on both devices',
  },
  RACK_PORT_TWICE: {
    title: 'Two guests of a rack forward the same host port.',
    why: 'only one process can listen on a port',
    remedy: 'omit the host port: each guest gets a free one',
  },
  RACK_MAC_TWICE: {
    title: 'Two cards on one network have the same MAC address.',
    why: 'the switch sends frames for that address to whichever card spoke last',
    remedy: 'omit `mac`: each card then gets its own',
  },
  RACK_PORT_NOT_FORWARDED: {
    title: 'A guest waits for a port that is not forwarded.',
    why: 'the port is tried from this computer, which reaches forwarded ports only',
    remedy: 'forward it: { kind: "nic", forwards: ["tcp::PORT"] }, or wait for a text of its console',
  },
})

/** Problems of the description alone; `at` is its path, such as `['racks', 'pair']`. */
export function checkRack(rack: RackConfig, at: readonly PropertyKey[]): readonly Diagnostic[] {
  return [
    ...checkNames(rack, at),
    ...checkReferences(rack, at),
    ...checkOrder(rack, at),
    ...checkServices(rack, at),
  ]
}

function checkNames(rack: RackConfig, at: readonly PropertyKey[]): readonly Diagnostic[] {
  const seen = new Map<string, string>()
  return Object.entries(rack.guests).flatMap(([key, guest]) =>
    guestNames(key, guest.count).flatMap((name) => {
      const other = seen.get(name)
      seen.set(name, key)
      if (other === undefined) return []
      const what = `guest "${name}" of "${key}" is also a guest of "${other}"`
      return [problems.RACK_GUEST_NAME_TWICE.at(formatPath([...at, 'guests', key]), what)]
    }),
  )
}

function checkReferences(rack: RackConfig, at: readonly PropertyKey[]): readonly Diagnostic[] {
  const keys = Object.keys(rack.guests)
  const unknown = (name: string, path: readonly PropertyKey[]) => {
    if (Object.hasOwn(rack.guests, name)) return []
    const near = nearest(name, keys)
    const hint = near === undefined ? `its guests are ${keys.join(', ')}` : `did you mean "${near}"?`
    return [
      problems.RACK_GUEST_UNKNOWN.at(formatPath([...at, ...path]), `no guest is named "${name}"; ${hint}`),
    ]
  }
  const passes = rack.passes === 'all' ? [] : rack.passes
  return [
    ...keys.flatMap((key) =>
      Object.keys(rack.guests[key]?.after ?? {}).flatMap((name) =>
        unknown(name, ['guests', key, 'after', name]),
      ),
    ),
    ...passes.flatMap((name, index) => unknown(name, ['passes', index])),
  ]
}

function checkServices(
  { services, networks }: RackConfig,
  at: readonly PropertyKey[],
): readonly Diagnostic[] {
  return Object.entries(services).flatMap(([name, { network }]) => {
    if (network === undefined || (Object.hasOwn(networks, network) && networks[network]?.host)) return []
    const is = Object.hasOwn(networks, network) ? 'is a private network' : 'is not described'
    const path = formatPath([...at, 'services', name, 'network'])
    return [problems.RACK_SERVICE_NETWORK.at(path, `service "${name}": network "${network}" ${is}`)]
  })
}

function checkOrder(rack: RackConfig, at: readonly PropertyKey[]): readonly Diagnostic[] {
  const done = new Set<string>()
  const found: Diagnostic[] = []
  const visit = (key: string, above: readonly string[]) => {
    if (above.includes(key)) {
      const circle = [...above.slice(above.indexOf(key)), key]
      const path = formatPath([...at, 'guests', key, 'after'])
      found.push(problems.RACK_ORDER_CIRCLE.at(path, circle.join(' waits for ')))
      return
    }
    if (done.has(key)) return
    done.add(key)
    for (const next of Object.keys(rack.guests[key]?.after ?? {})) visit(next, [...above, key])
  }
  for (const key of Object.keys(rack.guests)) visit(key, [])
  return found
}

/** Problems between the plans of the guests of one run. */
export function checkTogether(guests: readonly GuestPlan[]): readonly Diagnostic[] {
  return [...checkLocks(guests), ...checkPorts(guests), ...checkMacs(guests), ...checkAwaitedPorts(guests)]
}

function checkLocks(guests: readonly GuestPlan[]): readonly Diagnostic[] {
  return clashes(
    guests.flatMap(({ guest, locks }) =>
      [...new Map(locks.map((lock) => [lock.path, lock])).values()].map((lock) => ({
        guest,
        key: lock.path,
        isAlone: lock.mode === 'exclusive',
      })),
    ),
  ).map(([one, other]) =>
    problems.RACK_STORE_SHARED.at('', `guests "${one.guest}" and "${other.guest}" both use ${one.key}`),
  )
}

function checkPorts(guests: readonly GuestPlan[]): readonly Diagnostic[] {
  return clashes(
    guests.flatMap(({ guest, facts }) =>
      (facts.hostPorts ?? []).map(({ protocol, port }) => ({
        guest,
        key: `${protocol} port ${port}`,
        isAlone: true,
      })),
    ),
  ).map(([one, other]) =>
    problems.RACK_PORT_TWICE.at('', `guests "${one.guest}" and "${other.guest}" both forward ${one.key}`),
  )
}

function checkMacs(guests: readonly GuestPlan[]): readonly Diagnostic[] {
  return clashes(
    guests.flatMap(({ guest, joins }) =>
      joins.flatMap(({ kind, resource, mac }) =>
        kind === 'network' && mac !== undefined
          ? [{ guest, key: `${mac} on network "${resource}"`, isAlone: true }]
          : [],
      ),
    ),
  ).map(([one, other]) =>
    problems.RACK_MAC_TWICE.at('', `guests "${one.guest}" and "${other.guest}" both have ${one.key}`),
  )
}

function checkAwaitedPorts(guests: readonly GuestPlan[]): readonly Diagnostic[] {
  return guests.flatMap(({ guest, after }) =>
    after.flatMap((condition) => {
      if (!('port' in condition)) return []
      const awaited = guests.find((other) => other.guest === condition.guest)
      if (!awaited) return []
      const ports = forwardsOf(awaited.machine)
      if (ports.some((f) => f.protocol === 'tcp' && f.guest === condition.port)) return []
      const what = `guest "${guest}" waits for port ${condition.port} of "${condition.guest}", which does not forward it`
      return [problems.RACK_PORT_NOT_FORWARDED.at('', what)]
    }),
  )
}

interface Use {
  readonly guest: string
  readonly key: string
  /** Nothing else may use it at the same time. */
  readonly isAlone: boolean
}

/** Pairs that use the same thing; each thing once. */
function clashes(uses: readonly Use[]): readonly (readonly [Use, Use])[] {
  const first = new Map<string, Use>()
  const found = new Map<string, readonly [Use, Use]>()
  for (const use of uses) {
    const other = first.get(use.key)
    if (!other) first.set(use.key, use)
    else if ((other.isAlone || use.isAlone) && !found.has(use.key)) found.set(use.key, [other, use])
  }
  return [...found.values()]
}
