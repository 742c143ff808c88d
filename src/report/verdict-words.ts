/** Verdicts as a reader sees them: a sign and a class, so that colour is never all that tells them apart. */
import type { RunSummary } from '../runs/record.ts'
import { type Html, html } from './html.ts'

const SIGNS: Readonly<Record<string, string>> = {
  passed: '✓',
  failed: '✗',
  crashed: '✗',
  'timed-out': '◷',
  'machine-failed': '!',
  interrupted: '–',
  running: '…',
  abandoned: '?',
  elsewhere: '?',
}

export const signOf = (verdict: string): string => SIGNS[verdict] ?? '?'

/** Class that colours it. Verdicts come from records, so that an unknown one gets a neutral class. */
export const classOf = (verdict: string): string =>
  Object.hasOwn(SIGNS, verdict) ? `v-${verdict}` : 'v-interrupted'

export function badge(verdict: RunSummary['verdict'] | string): Html {
  return html`<span class="badge ${classOf(verdict)}"><span aria-hidden="true">${signOf(verdict)}</span> ${verdict}</span>`
}
