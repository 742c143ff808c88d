/** For tests: check-outs within the test's process, with the defaults of the command. */
import { BringupError, type Diagnostic } from '../../src/diagnostics.ts'
import { prepareCheckout } from '../../src/project/checkout/checkout.ts'
import type { CheckoutEvent, CheckoutRequest, CheckoutResult } from '../../src/project/checkout/request.ts'

export type CheckoutOptions = Partial<Omit<CheckoutRequest, 'source'>> & { readonly cwd: string }

/** What came of it; `began` tells whether anything was changed before it was refused. */
export type Outcome =
  | { readonly result: CheckoutResult; readonly events: readonly CheckoutEvent[] }
  | {
      readonly began: boolean
      readonly codes: readonly string[]
      readonly diagnostics: readonly Diagnostic[]
    }

export async function attempt(url: string, options: CheckoutOptions): Promise<Outcome> {
  const events: CheckoutEvent[] = []
  let began = false
  try {
    using prepared = await prepareCheckout({
      source: { url },
      protocol: 'auto',
      hasSubmodules: true,
      jobs: 4,
      env: process.env,
      signal: new AbortController().signal,
      onEvent: (event) => events.push(event),
      ...options,
    })
    began = true
    return { result: await prepared.run(), events }
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return { began, codes: error.diagnostics.map((d) => d.code), diagnostics: error.diagnostics }
  }
}

/** One that must work. */
export async function checkOut(url: string, options: CheckoutOptions): Promise<CheckoutResult> {
  const outcome = await attempt(url, options)
  if ('result' in outcome) return outcome.result
  throw new BringupError(outcome.diagnostics)
}

/** One that must not. */
export async function refusal(url: string, options: CheckoutOptions) {
  const outcome = await attempt(url, options)
  if ('result' in outcome) throw new Error(`checked out ${outcome.result.folder}`)
  return outcome
}
