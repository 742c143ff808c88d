/** What a matcher waited for and saw, and the message that it becomes. */
import type { Guest } from '../guest/guest.ts'
import { cut, visible } from '../guest-text.ts'
import { evidenceOf } from './evidence.ts'

/** Vitest's answer of a matcher. */
export interface Outcome {
  readonly pass: boolean
  readonly message: () => string
}

/** A list of what happened when, relative to the first entry. */
export class CallLog {
  readonly #entries: string[] = []
  readonly #from = performance.now()

  add(what: string): void {
    const ms = (performance.now() - this.#from).toFixed(0).padStart(6)
    this.#entries.push(`  ${ms} ms  ${cut(visible(what))}`)
  }

  /** @param expected What should be so; under `.not` the message says that it should not. */
  outcome(
    pass: boolean,
    { expected, received, guest, isNot }: Wording & { readonly guest?: Guest },
  ): Outcome {
    return {
      pass,
      message: () =>
        [
          `expected: ${isNot ? 'not ' : ''}${expected}`,
          `received: ${visible(received)}`,
          ...(this.#entries.length === 0 ? [] : ['log:', ...this.#entries]),
          ...(guest ? [evidenceOf(guest)] : []),
        ].join('\n'),
    }
  }
}

interface Wording {
  readonly expected: string
  readonly received: string
  readonly isNot: boolean
}
