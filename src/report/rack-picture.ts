/** The picture of a rack: its guests side by side, and below them what connects them. Pure. */
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { RunPlan } from '../plan/run-plan.ts'
import { plural } from '../plural.ts'
import { formatBytes } from '../units.ts'
import { type Html, html } from './html.ts'

const WIDTH = 190
const GAP = 20
const LINE = 20
const BUS = 44
/** Letters that fit into a box, and devices that it names. */
const LETTERS = 26
const MOST_DEVICES = 6

/** A resource that several guests are connected to. */
interface Bus {
  readonly name: string
  readonly kind: 'network' | 'shared'
  readonly detail: string
  /** Index of a guest, and its address there. */
  readonly taps: readonly { readonly guest: number; readonly label: string }[]
}

export function drawRack(plan: RunPlan): Html {
  const boxes = plan.guests.map(linesOf)
  const buses = busesOf(plan)
  const boxHeight = 34 + Math.max(...boxes.map((lines) => lines.length)) * LINE
  const width = GAP + plan.guests.length * (WIDTH + GAP)
  const busTop = GAP + boxHeight + 24
  const height = busTop + buses.length * BUS + (buses.length === 0 ? 0 : 4)
  const left = (guest: number) => GAP + guest * (WIDTH + GAP)
  const names = plan.guests.map(({ guest }) => guest)
  return html`<div class="wide"><svg class="rack" viewBox="0 0 ${width} ${height}" width="${width}" height="${height}" role="img" aria-label="Rack ${plan.name}: guests ${names.join(', ')}${buses.length > 0 && `; ${buses.map(({ name }) => name).join(', ')}`}">${buses.map(
    (bus, index) =>
      drawBus(bus, busTop + index * BUS, { width, from: GAP + boxHeight, left, index, of: buses.length }),
  )}${plan.guests.map(
    ({ guest }, index) =>
      html`<rect class="guest" x="${left(index)}" y="${GAP}" width="${WIDTH}" height="${boxHeight}" rx="6"/><text class="title" x="${left(index) + 12}" y="${GAP + 22}">${cut(guest)}</text>${(
        boxes[index] ?? []
      ).map(
        (line, row) => html`<text x="${left(index) + 12}" y="${GAP + 44 + row * LINE}">${cut(line)}</text>`,
      )}`,
  )}</svg></div>`
}

interface BusPlace {
  readonly width: number
  readonly from: number
  readonly left: (guest: number) => number
  readonly index: number
  readonly of: number
}

function drawBus(
  { name, kind, detail, taps }: Bus,
  y: number,
  { width, from, left, index, of }: BusPlace,
): Html {
  // Cables to several buses stand side by side below a guest.
  const x = (guest: number) => left(guest) + 16 + ((index + 1) * (WIDTH - 60)) / (of + 1)
  return html`<g class="${kind}"><line x1="${GAP}" x2="${width - GAP}" y1="${y}" y2="${y}"/>${taps.map(
    ({ guest, label }) =>
      html`<line x1="${x(guest)}" x2="${x(guest)}" y1="${from}" y2="${y}"/><circle cx="${x(guest)}" cy="${y}" r="4"/>${label !== '' && html`<text class="dim" x="${x(guest) + 8}" y="${y - 6}">${label}</text>`}`,
  )}<text x="${GAP}" y="${y + 17}">${name} <tspan class="dim">${detail}</tspan></text></g>`
}

function linesOf({ name, machine, profile }: GuestPlan): readonly string[] {
  const view = viewOf(name, machine)
  const devices = machine.devices.map(({ kind, id }) => `${kind} ${id}`)
  const more = devices.length - MOST_DEVICES
  return [
    `profile ${profile}`,
    `${plural(view.cpus.count, 'CPU')}, ${formatBytes(view.ramBytes)}`,
    ...(view.nodes.length === 0 ? [] : [plural(view.nodes.length, 'NUMA node')]),
    ...devices.slice(0, MOST_DEVICES),
    ...(more > 0 ? [`and ${plural(more, 'device')} more`] : []),
  ]
}

function busesOf({ guests, networks }: RunPlan): readonly Bus[] {
  const indexOf = (name: string) => guests.findIndex(({ guest }) => guest === name)
  const cables = networks.map(
    ({ name, subnet, ports, host }): Bus => ({
      name,
      kind: 'network',
      detail: host === undefined ? subnet : `${subnet}, bridge of this computer`,
      taps: ports.flatMap(({ guest, address = '' }) =>
        indexOf(guest) < 0 ? [] : [{ guest: indexOf(guest), label: address }],
      ),
    }),
  )
  const shared = new Map<string, { kind: string; guests: number[] }>()
  for (const [index, { joins }] of guests.entries())
    for (const { kind, resource } of joins) {
      if (kind === 'network' || kind === 'folder') continue
      const found = shared.get(resource) ?? { kind, guests: [] }
      found.guests.push(index)
      shared.set(resource, found)
    }
  return [
    ...cables,
    ...[...shared].map(
      ([name, { kind, guests: joined }]): Bus => ({
        name,
        kind: 'shared',
        detail: kind === 'memory' ? 'shared memory' : kind,
        taps: joined.map((guest) => ({ guest, label: '' })),
      }),
    ),
  ]
}

const cut = (words: string) => (words.length > LETTERS ? `${words.slice(0, LETTERS - 1)}…` : words)
