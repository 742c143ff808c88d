/** The report of one run, as one HTML file. Pure. */
import { html } from './html.ts'
import { pageText } from './page.ts'
import type { Room, RunReport } from './read-run.ts'
import { runBody, runHeader } from './run-view.ts'
import { SCRIPT } from './script.ts'
import { STYLE } from './style.ts'

/** HTML of all logs; a rack of many guests shares it. */
const LOG_ROOM = 3 * 1024 * 1024

/** What is read for the report of one run. */
export const RUN_ROOM: Room = { log: 3 * 1024 * 1024, picture: 512 * 1024, events: 2000 }

export function runDocument(run: RunReport): string {
  const { name, verdict } = run.summary
  return pageText({
    title: `${verdict}: ${name}`,
    body: html`<main id="content">${runHeader(run)}${runBody(run, { prefix: '', room: LOG_ROOM })}<footer>Report of bringup on run ${run.summary.id}</footer></main>`,
    style: STYLE,
    script: SCRIPT,
  })
}
