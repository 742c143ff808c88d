/** Every kind of hostile input, and how often it is tried by `npm run fuzz`. */
import fc from 'fast-check'
import { arbitraryConfig, tryConfig } from './configs.ts'
import { arbitraryKernel, tryKernel } from './kernels.ts'
import {
  arbitraryCommandLine,
  arbitraryMap,
  arbitraryReport,
  tryCommandLine,
  tryMap,
  tryReport,
} from './texts.ts'

export interface Kind {
  readonly name: string
  readonly cases: number
  /** Throws when the input brings out a bug. */
  readonly run: (seed: number) => void
}

function kind<T>(name: string, cases: number, input: fc.Arbitrary<T>, attempt: (value: T) => void): Kind {
  return {
    name,
    cases,
    run: (seed) => {
      for (const value of fc.sample(input, { seed, numRuns: 1 })) attempt(value)
    },
  }
}

export const KINDS: readonly Kind[] = [
  kind('configs', 20_000, arbitraryConfig, tryConfig),
  kind('kernels', 2000, arbitraryKernel, tryKernel),
  kind('maps', 1000, arbitraryMap, tryMap),
  kind('command-lines', 1000, arbitraryCommandLine, tryCommandLine),
  kind('reports', 1000, arbitraryReport, tryReport),
]

/** CPU time in seconds, which the load of the computer does not change. */
const LIMIT_S = 10

/** What is wrong with one case; undefined when nothing is. */
export function problemWith({ name, run }: Kind, seed: number): string | undefined {
  const began = process.cpuUsage()
  try {
    run(seed)
  } catch (error) {
    return `${name}, case ${seed}: ${error instanceof Error ? error.stack : String(error)}`
  }
  const seconds = process.cpuUsage(began).user / 1e6
  return seconds > LIMIT_S ? `${name}, case ${seed}: ${seconds} s of CPU time` : undefined
}
