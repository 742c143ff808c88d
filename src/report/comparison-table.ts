/** What was described, compared with what the guest saw. Pure. */
import type { GuestResult } from '../guest/record.ts'
import { plural } from '../plural.ts'
import { roundSize } from '../units.ts'
import { type Html, html } from './html.ts'

type Comparison = Pick<GuestResult, 'comparison' | 'notCompared'>

/** @returns undefined where nothing was compared and no comparison was wanted */
export function comparisonTable({ comparison = [], notCompared = [] }: Comparison): Html | undefined {
  if (comparison.length + notCompared.length === 0) return undefined
  return html`<div class="wide"><table class="plain"><caption>${summary({ comparison, notCompared })}</caption><thead><tr><th scope="col"><span aria-hidden="true"></span></th><th scope="col">device</th><th scope="col">what</th><th scope="col">asked for</th><th scope="col">seen</th><th scope="col">seen by</th></tr></thead><tbody>${comparison.map(
    ({ device, aspect, want, got, ok, by }) =>
      html`<tr${!ok && html` class="differs"`}><td class="sign ${ok ? 'good' : 'bad'}" aria-label="${ok ? 'equal' : 'differs'}">${ok ? '✓' : '✗'}</td><td>${device}</td><td>${aspect}</td><td>${ok ? roundSize(want) : want}</td><td>${ok ? roundSize(got ?? want) : (got ?? 'nothing')}</td><td class="dim">${by}</td></tr>`,
  )}</tbody>${
    notCompared.length > 0 &&
    html`<tbody class="dim">${notCompared.map(
      ({ device, aspect, because }) =>
        html`<tr><td class="sign" aria-label="not compared">&ndash;</td><td>${device}</td><td>${aspect}</td><td colspan="3">not compared: ${because}</td></tr>`,
    )}</tbody>`
  }</table></div>`
}

function summary({ comparison = [], notCompared = [] }: Comparison): string {
  const different = comparison.filter(({ ok }) => !ok).length
  const equal = `${comparison.length - different} of ${plural(comparison.length, 'property', 'properties')} as described`
  return notCompared.length === 0 ? equal : `${equal}, ${notCompared.length} not compared`
}
