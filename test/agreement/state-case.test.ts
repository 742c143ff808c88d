import { expect, test } from 'vitest'
import { ownStates } from '../support/own-states.ts'
import { outcomeOfState } from './state-case.ts'

// Booted, not restored from a state of another test.
ownStates()

/** With UEFI, with a card, without a card. `npm run soak:states` has more. */
test.each([19, 20, 22])('machine %i is saved, restored and forked as it was described', async (index) => {
  expect(await outcomeOfState({ seed: 16, index })).toMatch(/^saved, restored and forked twice as described/)
})
