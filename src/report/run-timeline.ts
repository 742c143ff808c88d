/** The events of a run as a time line: a lane for each service and guest, drawn as SVG, and a table of the events. Pure. */
import { quoteCommand } from '../quote.ts'
import type { RunEvent } from '../runs/events.ts'
import { formatMs } from '../units.ts'
import { type Html, html } from './html.ts'
import { classOf } from './verdict-words.ts'

const LABELS = 150
const WIDTH = 960
const LANE = 30
const TOP = 26
/** Names of guests and services that fit before the lanes. */
const LONGEST_NAME = 20

interface Bar {
  readonly kind: string
  readonly from: number
  readonly to: number
  readonly title: string
}

interface Lane {
  readonly name: string
  readonly bars: readonly Bar[]
  readonly marks: readonly { readonly at: number; readonly title: string }[]
}

/** @returns undefined where nothing happened */
export function drawTimeline(events: readonly RunEvent[]): Html | undefined {
  const [first, last] = [events[0]?.at, events.at(-1)?.at]
  if (first === undefined || last === undefined) return undefined
  const span = Math.max(1, last - first)
  const x = (at: number) => LABELS + ((at - first) / span) * (WIDTH - LABELS - 16)
  const lanes = lanesOf(events, last)
  const height = TOP + lanes.length * LANE + 6
  const drawn = lanes.map((lane, index) => drawLane(lane, TOP + index * LANE, x))
  return html`<div class="wide"><svg class="timeline" viewBox="0 0 ${WIDTH} ${height}" role="img" aria-label="Time line of ${lanes.map(({ name }) => name).join(', ')} over ${formatMs(span)}. The table of events has the same as text.">${ticksOf(
    span,
  ).map(
    (ms) =>
      html`<line class="grid" x1="${round(x(first + ms))}" x2="${round(x(first + ms))}" y1="${TOP - 6}" y2="${height - 4}"/><text class="tick" x="${round(x(first + ms))}" y="14" text-anchor="middle">${tickText(ms)}</text>`,
  )}${drawn}</svg></div>`
}

function drawLane({ name, bars, marks }: Lane, y: number, x: (at: number) => number): Html {
  const shown = name.length > LONGEST_NAME ? `${name.slice(0, LONGEST_NAME - 1)}…` : name
  return html`<text x="0" y="${y + 15}">${shown}</text>${bars.map(
    ({ kind, from, to, title }) =>
      html`<rect class="${kind}" x="${round(x(from))}" y="${kind === 'command' ? y + 16 : y + 3}" width="${round(Math.max(2, x(to) - x(from)))}" height="${kind === 'command' ? 5 : 16}" rx="2"><title>${title}</title></rect>`,
  )}${marks.map(({ at, title }) => html`<circle class="mark" cx="${round(x(at))}" cy="${y + 11}" r="3.5"><title>${title}</title></circle>`)}`
}

function lanesOf(events: readonly RunEvent[], last: number): readonly Lane[] {
  const lanes = new Map<string, { bars: Bar[]; marks: { at: number; title: string }[] }>()
  const lane = (name: string) => {
    const found = lanes.get(name) ?? { bars: [], marks: [] }
    lanes.set(name, found)
    return found
  }
  for (const name of guestsIn(events)) {
    const own = events.filter((event) => 'guest' in event && event.guest === name)
    lane(name).bars.push(...guestBars(own, last))
  }
  for (const event of events) {
    if ('network' in event)
      lane(`network ${event.network}`).marks.push({ at: event.at, title: eventText(event) })
    else if (event.type === 'service started')
      lane(`service ${event.service}`).bars.push({
        kind: 'running',
        from: event.at,
        to: endOf(events, event.service) ?? last,
        title: `service ${event.service}`,
      })
    else if ('service' in event && event.type !== 'service ended')
      lane(`service ${event.service}`).marks.push({ at: event.at, title: eventText(event) })
  }
  return [...lanes].map(([name, all]) => ({ name, ...all }))
}

const guestsIn = (events: readonly RunEvent[]) => [
  ...new Set(events.flatMap((event) => ('guest' in event ? [event.guest] : []))),
]

const endOf = (events: readonly RunEvent[], service: string) =>
  events.find((event) => event.type === 'service ended' && event.service === service)?.at

function guestBars(events: readonly RunEvent[], last: number): readonly Bar[] {
  const at = (type: RunEvent['type']) => events.find((event) => event.type === type)?.at
  const ended = events.find((event) => event.type === 'guest ended')
  const to = ended?.at ?? last
  const [waits, starts, runs] = [at('guest waiting'), at('guest starting'), at('guest started')]
  const bars: Bar[] = []
  const add = (kind: string, from: number | undefined, until: number, title: string) => {
    if (from !== undefined) bars.push({ kind, from, to: until, title: `${title}: ${formatMs(until - from)}` })
  }
  add('waiting', waits, starts ?? to, 'waits')
  add('starting', starts, runs ?? to, 'QEMU starts')
  add(
    ended && 'verdict' in ended ? classOf(ended.verdict) : 'running',
    runs,
    to,
    ended && 'verdict' in ended ? `runs, then ${ended.verdict}` : 'runs',
  )
  let begun: RunEvent | undefined
  for (const event of [...events, { type: 'guest ended', at: to } as const]) {
    if (begun?.type === 'command started' && event.type !== 'command started') {
      add('command', begun.at, event.at, quoteCommand(begun.command).join(' '))
      begun = undefined
    }
    if (event.type === 'command started') begun = event
  }
  return bars
}

const STEPS = [1, 2, 5]

/** At most eight round times. */
function ticksOf(span: number): readonly number[] {
  let step = 1
  for (let power = 1; span / step > 8; power *= 10) {
    const fits = STEPS.map((one) => one * power).find((one) => span / one <= 8)
    step = fits ?? step * 10
  }
  return Array.from({ length: Math.floor(span / step) + 1 }, (_, index) => index * step)
}

const tickText = (ms: number) =>
  ms === 0 ? '0' : ms < 1000 ? `${ms} ms` : ms < 120_000 ? `${ms / 1000} s` : formatMs(ms)

const round = (value: number) => Math.round(value * 10) / 10

/** The table of events, with the time since the first. */
export function eventTable(events: readonly RunEvent[], omitted: number): Html {
  const first = events[0]?.at ?? 0
  return html`<table class="plain events"><thead><tr><th scope="col" class="number">time</th><th scope="col">of</th><th scope="col">event</th></tr></thead><tbody>${events.map(
    (event) =>
      html`<tr><td class="number">${seconds(event.at - first)}</td><td>${subjectOf(event)}</td><td>${eventText(event)}</td></tr>`,
  )}</tbody></table>${omitted > 0 && html`<p class="dim">${omitted} more are in <code>events.jsonl</code> of the run.</p>`}`
}

/** `12.345`: seconds since the start. */
export const seconds = (ms: number): string => (ms / 1000).toFixed(3)

function subjectOf(event: RunEvent): string {
  if ('guest' in event) return event.guest
  if ('network' in event) return event.network
  return 'service' in event ? event.service : 'run'
}

/** Keys that say which event it is, and those that the page shows elsewhere. */
const TOLD = new Set(['at', 'type', 'guest', 'network', 'service', 'name', 'id', 'folder', 'pid'])

function eventText(event: RunEvent): string {
  const details = Object.entries(event)
    .filter(([key]) => !TOLD.has(key))
    .map(([key, value]) => detailText(key, value))
  return [event.type.replace(/^(?:guest|run|service) /, ''), ...details].join(' · ')
}

function detailText(key: string, value: unknown): string {
  if (key === 'command' && Array.isArray(value)) return quoteCommand(value.map(String)).join(' ')
  if (key === 'verdict' || key === 'meaning' || key === 'for' || key === 'because') return String(value)
  const name = key.replace(/[A-Z]/g, (letter) => ` ${letter.toLowerCase()}`)
  return `${name} ${typeof value === 'object' ? JSON.stringify(value) : String(value)}`
}
