/** HTML in which every text is escaped: what guests print can neither become markup nor change the direction of a line. */
import { visible } from '../guest-text.ts'

/** Markup that is safe as it is: made by `html`, or of bringup's own. */
export class Html {
  readonly text: string

  constructor(text: string) {
    this.text = text
  }
}

/** What may stand in a template. Strings and numbers are escaped; `undefined` and `false` stand for nothing. */
export type Piece = Html | string | number | undefined | false | readonly Piece[]

/**
 * Markup with escaped values. Attributes need quotes in the template.
 *
 * @example
 * html`<p title="${'"'}">${'<script>'}</p>`.text // '<p title="&quot;">&lt;script&gt;</p>'
 */
export function html(strings: TemplateStringsArray, ...values: readonly Piece[]): Html {
  return new Html(strings.map((part, index) => `${part}${textOf(values[index])}`).join(''))
}

/** Markup that bringup itself has drawn. */
export function markup(text: string): Html {
  return new Html(text)
}

function textOf(piece: Piece): string {
  if (piece === undefined || piece === false) return ''
  if (piece instanceof Html) return piece.text
  if (typeof piece === 'string') return escapeHtml(piece)
  return typeof piece === 'number' ? `${piece}` : piece.map(textOf).join('')
}

const ENTITIES: Readonly<Record<string, string>> = {
  '&': '&amp;',
  '<': '&lt;',
  '>': '&gt;',
  '"': '&quot;',
  "'": '&#39;',
}

/** Text for an element or a quoted attribute, with control and invisible characters shown as `\x1b`. */
export function escapeHtml(text: string): string {
  return visible(text).replace(/[&<>"']/g, (character) => ENTITIES[character] ?? character)
}
