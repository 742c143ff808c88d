/** Cases by seed: machines that are meant to be right, and machines with one thing wrong with them. */
import fc from 'fast-check'
import type { MachineInput } from '../../src/machine/machine.ts'
import { arbitraryMachine, withoutUndefined } from './arbitrary-machine.ts'
import { SPOILS } from './spoils.ts'

export interface Case {
  readonly seed: number
  readonly index: number
  /** What was spoilt; undefined in a machine that is meant to be right. */
  readonly spoilt?: string
  readonly machine: MachineInput
}

const NAMES = Object.keys(SPOILS)

/** Every case depends on seed and index only, so that one can be repeated by itself. */
export function makeCase(seed: number, index: number): Case {
  const [machine] = fc.sample(arbitraryMachine, { seed: seed + index * 7919, numRuns: 1 })
  if (!machine) throw new Error('fast-check made no machine')
  // Half of them are right. The others take turns, so that none is left out by chance.
  if (index % 2 === 0) return { seed, index, machine }
  const spoilt = NAMES[(Math.floor(index / 2) + seed) % NAMES.length] ?? ''
  const wrong = SPOILS[spoilt]?.(machine) as MachineInput
  return { seed, index, spoilt, machine: withoutUndefined(wrong) }
}
