/** What was described, compared with what the guest saw. Pure. */
import type { GuestResult } from '../guest/record.ts'
import { plural } from '../plural.ts'
import { roundSize } from '../units.ts'
import { type Html, html } from './html.ts'

type Comparison = Pick<GuestResult, 'comparison' | 'notCompared'>

/** @returns undefined where nothing was compared and no comparison was wanted */
export function comparisonTable({ comparison = [], notCompared = [] }: Comparison): Html | undefined {
  if (comparison.length + notCompared.length === 0) return undefined
  return html`<div class="wide"><table class="plain compared"><caption>${summary({ comparison, notCompared })}</caption><thead><tr><th scope="col"><span aria-hidden="true"></span></th><th scope="col">device</th><th scope="col">what</th><th scope="col">asked for</th><th scope="col">seen</th><th scope="col">seen by</th></tr></thead><tbody>${comparison.map(
    // Closing tags of cells are optional (HTML, 13.1.2.4): a page of 500 runs has 10,000 of these rows.
    ({ device, aspect, want, got, ok, by }) =>
      ok
        ? html`<tr><td class="good">${'✓'}<td>${device}<td>${aspect}<td>${roundSize(want)}<td>${roundSize(got ?? want)}<td>${by}`
        : html`<tr class="differs"><td class="bad">${'✗'}<td>${device}<td>${aspect}<td>${want}<td>${got ?? 'nothing'}<td>${by}`,
  )}</tbody>${
    notCompared.length > 0 &&
    html`<tbody class="dim">${notCompared.map(
      ({ device, aspect, because }) =>
        html`<tr><td>&ndash;<td>${device}<td>${aspect}<td colspan="3">not compared: ${because}`,
    )}</tbody>`
  }</table></div>`
}

function summary({ comparison = [], notCompared = [] }: Comparison): string {
  if (comparison.length === 0) return `${notCompared.length} not compared`
  const different = comparison.filter(({ ok }) => !ok).length
  const equal = `${comparison.length - different} of ${plural(comparison.length, 'property', 'properties')} as described`
  return notCompared.length === 0 ? equal : `${equal}, ${notCompared.length} not compared`
}
