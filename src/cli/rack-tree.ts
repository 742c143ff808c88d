/** A rack as a tree for a terminal: its guests, and what they share. */

import { quoteCommand } from '../quote.ts'
import { conditionText } from '../rack/condition-text.ts'
import { guestNames } from '../rack/guest-names.ts'
import type { RackConfig, RackGuestConfig } from '../rack/rack-schema.ts'
import { formatBytes } from '../units.ts'
import type { Colors } from './output.ts'
import { type Branch, leaf, linesOf } from './tree.ts'

/** @param machine of a guest that names none */
export function rackTree(name: string, rack: RackConfig, { machine, colors }: TreeContext): string {
  const guests = Object.entries(rack.guests).flatMap(([key, guest]) =>
    guestNames(key, guest.count).map((one) => ({
      label: `guest ${colors.bold(one)} ${colors.dim(machineOf(guest, machine))}`,
      below: partsOf(guest).map(leaf),
    })),
  )
  const shared = [
    ...Object.keys(rack.networks).map((network) => `network ${colors.bold(network)}`),
    ...Object.entries(rack.memory).map(
      ([memory, { size }]) => `memory ${colors.bold(memory)} ${colors.dim(formatBytes(size))}`,
    ),
    ...Object.entries(rack.services).map(
      ([service, { argv }]) => `service ${colors.bold(service)} ${colors.dim(quoteCommand(argv).join(' '))}`,
    ),
  ]
  const all: readonly Branch[] = [...guests, ...shared.map(leaf)]
  return [`${colors.bold(name)} ${colors.dim('rack')}`, ...linesOf(all)].join('\n')
}

interface TreeContext {
  readonly machine: string
  readonly colors: Colors
}

function machineOf({ machine, profile }: RackGuestConfig, fallback: string): string {
  const name = typeof machine === 'object' ? 'a machine of its own' : `machine ${machine ?? fallback}`
  return profile === undefined ? name : `${name}, profile ${profile}`
}

function partsOf({ nics, memory, after, command }: RackGuestConfig): readonly string[] {
  return [
    ...nics.map((nic) => `on network ${typeof nic === 'string' ? nic : nic.network}`),
    ...memory.map((name) => `shares memory ${name}`),
    ...Object.entries(after).map(([guest, condition]) => `after ${conditionText({ guest, ...condition })}`),
    ...(command.length === 0 ? [] : [`runs ${quoteCommand(command).join(' ')}`]),
  ]
}
