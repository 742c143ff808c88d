/** One run as HTML: verdict, findings, machines, comparison, time line, consoles, and how to repeat it. Pure. */
import { topologyOf } from '../machine/topology.ts'
import { topologyFigure } from '../machine/topology-svg.ts'
import { plural } from '../plural.ts'
import { quoteCommand } from '../quote.ts'
import { formatMs, formatRoundBytes } from '../units.ts'
import { comparisonTable } from './comparison-table.ts'
import { evidenceOf, linesOnly, logView } from './console-view.ts'
import { findingsView } from './findings-view.ts'
import { type Html, html, markup } from './html.ts'
import { drawRack } from './rack-picture.ts'
import type { GuestReport, RunReport } from './read-run.ts'
import { drawTimeline, eventTable } from './run-timeline.ts'
import { badge } from './verdict-words.ts'

/** How a run is shown: alone, or as one of many on a page. */
export interface RunLook {
  /** Comes before every id, so that a page can hold several runs. */
  readonly prefix: string
  /** Bytes of HTML for the logs of the run. */
  readonly room: number
  /** The time line is a table only. */
  readonly isBrief?: boolean
  /**
   * Stands for a log that is written once the room for it is known.
   *
   * @param share The part of the run's room that it gets.
   */
  readonly later?: (write: (room: number) => Html, share: number) => Html
  /** Picture of a machine; a page of many runs draws equal machines once. */
  readonly picture?: (guest: GuestReport) => Html | undefined
}

interface Section {
  readonly id: string
  readonly title: string
  readonly body: Html
}

/** The header of a run: what it was, and how it ended. */
export function runHeader(run: RunReport, kind = run.plan.isRack ? 'Rack' : 'Machine'): Html {
  const { summary, result } = run
  const [first] = run.guests
  const facts: readonly (readonly [string, string | undefined])[] = [
    ['run', summary.label === undefined ? summary.id : `${summary.label} (${summary.id})`],
    ['started', `${summary.startedAt.slice(0, 19).replace('T', ' ')} UTC`],
    ['took', result && tookText(result.timings)],
    ['exit code', result && `${result.exitCode}`],
    ...(run.guests.length === 1 && first ? guestFacts(first) : []),
  ]
  return html`<header><p class="kind">${kind}</p><div class="title-line"><h1>${summary.name}</h1>${badge(summary.verdict)}</div><p class="meaning">${meaningOf(run)}</p>${factList(facts)}</header>`
}

function meaningOf({ summary }: RunReport): string {
  if (summary.verdict === 'running')
    return 'The run has not ended: this report shows what was recorded so far.'
  if (summary.verdict === 'elsewhere')
    return `Computer ${summary.host} started the run, which has no result so far: this report shows what was recorded.`
  if (summary.verdict === 'abandoned') return 'bringup was killed before it wrote a result.'
  return summary.meaning ?? ''
}

function tookText({ totalMs, startMs, buildMs }: NonNullable<RunReport['result']>['timings']): string {
  const parts = [
    ...(buildMs === undefined ? [] : [`build ${formatMs(buildMs)} before`]),
    `QEMU started after ${formatMs(startMs)}`,
  ]
  return `${formatMs(totalMs)} (${parts.join(', ')})`
}

function guestFacts({ plan, result }: GuestReport): readonly (readonly [string, string | undefined])[] {
  return [
    ['profile', plan.profile],
    ['QEMU', `${plan.qemu.version} (${plan.qemu.path})`],
    ['accelerator', plan.accelerator.name === 'kvm' ? 'KVM' : 'TCG'],
    [
      'start',
      result?.origin && `${result.origin.kind === 'state' ? 'restored' : 'booted'}: ${result.origin.because}`,
    ],
    ['code of the guest', result?.guestCode === undefined ? undefined : `${result.guestCode}`],
  ]
}

function factList(facts: readonly (readonly [string, string | undefined])[]): Html {
  const told = facts.filter(([, value]) => value !== undefined)
  return html`<dl class="facts">${told.map(([name, value]) => html`<div><dt>${name}</dt><dd>${value}</dd></div>`)}</dl>`
}

/** All of the run below its header, with links to its parts. */
export function runBody(run: RunReport, look: RunLook): Html {
  const sections = sectionsOf(run, look)
  return html`<nav class="contents" aria-label="Parts of the run"><ul>${sections.map(
    ({ id, title }) => html`<li><a href="#${look.prefix}${id}">${title}</a></li>`,
  )}</ul></nav>${sections.map(
    ({ id, title, body }) =>
      html`<section aria-labelledby="${look.prefix}${id}"><h2 id="${look.prefix}${id}">${title}</h2>${body}</section>`,
  )}`
}

function sectionsOf(run: RunReport, look: RunLook): readonly Section[] {
  const findings = run.result?.diagnostics ?? run.plan.diagnostics
  const timeline = look.isBrief === true ? html`` : drawTimeline(run.events)
  const share = 1 / Math.max(1, run.guests.length)
  const only = run.plan.isRack ? undefined : run.guests[0]
  const sections: readonly (Section | undefined)[] = [
    findings.length > 0 ? { id: 'findings', title: 'Findings', body: findingsView(findings) } : undefined,
    run.plan.isRack
      ? { id: 'rack', title: 'Rack', body: safely(() => drawRack(run.plan)) ?? html`` }
      : undefined,
    ...(only ? guestSections(only, look, share) : []),
    ...(only ? [] : run.guests.map((guest, index) => rackGuest(guest, { index, look, share }))),
    timeline && {
      id: 'timeline',
      title: 'Time line',
      body: html`${timeline}<details><summary>${plural(run.events.length, 'event')}</summary>${eventTable(run.events, run.omittedEvents)}</details>`,
    },
    { id: 'repeat', title: 'Repeat this run', body: repeatView(run) },
  ]
  return sections.filter((section) => section !== undefined)
}

function guestSections(guest: GuestReport, look: RunLook, share: number): readonly (Section | undefined)[] {
  const found = guest.result && comparisonTable(guest.result)
  const picture = look.picture ? look.picture(guest) : machinePicture(guest)
  const write = (room: number) => consoleView(guest, room)
  const console = look.later ? look.later(write, share) : write(look.room * share)
  return [
    picture && { id: 'machine', title: 'Machine', body: picture },
    found && { id: 'compared', title: 'Description and guest compared', body: found },
    guest.screen && { id: 'screen', title: 'Screen', body: screenView(guest) },
    { id: 'console', title: 'Console', body: console },
  ]
}

/** A guest of a rack: its parts in one section. */
function rackGuest(
  guest: GuestReport,
  { index, look, share }: { readonly index: number; readonly look: RunLook; readonly share: number },
): Section {
  const { plan, result } = guest
  const parts = guestSections(guest, look, share).filter((part) => part !== undefined)
  const verdict = result ? badge(result.verdict) : html`<span class="dim">never started</span>`
  return {
    id: `guest-${index + 1}`,
    title: `Guest ${plan.guest}`,
    body: html`<p>${verdict} ${result?.meaning}${!plan.counts && html` <span class="dim">&middot; does not count for the verdict of the run</span>`}</p>${factList(guestFacts(guest))}${parts.map(({ title, body }) => html`<h3>${title}</h3>${body}`)}`,
  }
}

/** Records of other versions may describe machines that this one cannot draw. */
function safely<T>(make: () => T): T | undefined {
  try {
    return make()
  } catch {
    return undefined
  }
}

export function machinePicture({ plan }: GuestReport): Html | undefined {
  const svg = safely(() => topologyFigure(topologyOf(plan.name, plan.machine)))
  return svg === undefined ? undefined : html`<div class="wide">${markup(svg)}</div>`
}

function screenView({ plan, screen, drawn }: GuestReport): Html {
  const { png, text = '', omittedBytes } = screen ?? {}
  return html`${
    png &&
    html`<div class="screen"><img alt="Last screen of ${plan.guest}${text !== '' && ', with the text below'}" src="data:image/png;base64,${png.toString('base64')}"></div>`
  }${omittedBytes !== undefined && html`<p class="dim">The picture (${formatRoundBytes(omittedBytes)}) is <code>guests/${plan.guest}/screen.png</code> of the run.</p>`}${
    text !== '' &&
    html`<details${!png && html` open`}><summary>Text on the screen</summary><pre>${text}</pre></details>`
  }${drawn.length > 0 && html`<details><summary>${plural(drawn.length, 'line')} as they appeared</summary>${linesOnly(drawn, `Lines on the screen of ${plan.guest}`)}</details>`}`
}

function consoleView({ plan, result, console, command, drawn, screen }: GuestReport, room: number): Html {
  const evidence = evidenceOf(result?.diagnostics ?? [])
  const own = `guests/${plan.guest}`
  const isBoth = command.bytes > 0 && console.bytes > 0
  const printed = logView(console, {
    title: `Console of ${plan.guest}`,
    file: `${own}/console.log`,
    room: isBoth ? room / 2 : room,
    evidence,
  })
  const answered = logView(command, {
    title: `Output of the command in ${plan.guest}`,
    file: `${own}/command.log`,
    room: isBoth ? room / 2 : room,
  })
  const silent = html`<p class="dim">The guest printed nothing on its console.</p>`
  return html`${answered && html`<p>Output of <code>${quoteCommand(plan.command).join(' ')}</code></p>${answered}`}${printed ?? silent}${
    screen === undefined && drawn.length > 0 && linesOnly(drawn, `Lines on the screen of ${plan.guest}`)
  }`
}

function repeatView({ command, guests, plan }: RunReport): Html {
  return html`${
    command
      ? commandBlock(`cd ${quoteCommand([command.folder]).join('')}\n${quoteCommand(command.argv).join(' ')}`)
      : html`<p class="dim">A program started this run, by the library or the test API.</p>`
  }${guests.map(
    (guest) =>
      html`<details><summary>The QEMU command${plan.isRack && ` of ${guest.plan.guest}`}, without bringup</summary>${commandBlock(qemuLines(guest.plan.argv))}</details>`,
  )}`
}

const commandBlock = (text: string) => html`<pre class="command">${text}</pre>`

/** A line for each option, as a shell takes it. */
function qemuLines(argv: readonly string[]): string {
  return quoteCommand(argv)
    .map((word, index) => (index > 0 && word.startsWith('-') ? `\\\n  ${word}` : word))
    .join(' ')
}
