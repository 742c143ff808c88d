/** How many machines a second are parsed, checked and compiled, in one thread. */
import { checkMachine, compileMachine, parseMachine } from '../src/machine/machine.ts'
import { makeCase } from '../test/agreement/cases.ts'
import { median } from './measure.ts'
import { planOf } from './setting.ts'

const MACHINES = 400
const ROUNDS = 7

export async function compile(): Promise<void> {
  const { facts } = await planOf()
  // Even numbers are machines that are meant to be right.
  const machines = Array.from({ length: MACHINES }, (_, i) => makeCase(1, 2 * i).machine)
  const parse = () => machines.map((machine) => parseMachine('bench', machine))
  const rates: { readonly parsed: number; readonly compiled: number }[] = []
  for (let round = -2; round < ROUNDS; round++) {
    const began = performance.now()
    const configs = parse()
    const parsedAt = performance.now()
    for (const config of configs) {
      checkMachine(config, facts, 'bench')
      compileMachine(config, facts, 'bench')
    }
    const perSecond = (ms: number) => (MACHINES * 1000) / ms
    if (round >= 0)
      rates.push({
        parsed: perSecond(parsedAt - began),
        compiled: perSecond(performance.now() - parsedAt),
      })
  }
  const rate = (of: 'parsed' | 'compiled') => Math.round(median(rates.map((r) => r[of])))
  console.log(
    `\nRandom machines, one thread, medians of ${ROUNDS} rounds of ${MACHINES}: ${rate('compiled')} checked and compiled per second, ${rate('parsed')} parsed`,
  )
}
