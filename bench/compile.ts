/** How many machines a second are parsed, checked and compiled, in one thread. */
import { checkMachine, compileMachine, expectationsOf, parseMachine } from '../src/machine/machine.ts'
import { makeCase } from '../test/agreement/cases.ts'
import { median } from './measure.ts'
import { planOf } from './setting.ts'

const MACHINES = 400
const ROUNDS = 7

export async function compile(): Promise<void> {
  const { facts } = await planOf()
  // Even numbers are machines that are meant to be right.
  const machines = Array.from({ length: MACHINES }, (_, i) => makeCase(1, 2 * i).machine)
  const rates: number[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const began = performance.now()
    for (const machine of machines) {
      const config = parseMachine('bench', machine)
      checkMachine(config, facts, 'bench')
      compileMachine(config, facts, 'bench')
      expectationsOf(config, facts, 'bench')
    }
    if (round >= 0) rates.push((MACHINES * 1000) / (performance.now() - began))
  }
  console.log(
    `\nMachines parsed, checked and compiled, random ones: ${Math.round(median(rates))} per second (median of ${ROUNDS} rounds of ${MACHINES}, one thread)`,
  )
}
