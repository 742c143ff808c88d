/** Every kind of hostile input, and how often `npm run fuzz` tries it. */
import fc from 'fast-check'
import { arbitraryCommand, tryCommand } from './commands.ts'
import { arbitraryConfig, tryConfig } from './configs.ts'
import { arbitraryConsole, tryConsole } from './consoles.ts'
import { arbitraryImage, tryImage } from './images.ts'
import { arbitraryKernel, tryKernel } from './kernels.ts'
import { arbitraryPeer, tryPeer } from './qmp-peers.ts'
import {
  arbitraryCommandLine,
  arbitraryMap,
  arbitraryReport,
  tryCommandLine,
  tryMap,
  tryReport,
} from './texts.ts'
import {
  arbitraryImport,
  arbitraryQemuWords,
  arbitraryTree,
  tryImport,
  tryQemuWords,
  tryTree,
} from './trees.ts'

export interface Kind {
  readonly name: string
  readonly cases: number
  /** Cases in `npm test`. */
  readonly dose: number
  /** Throws when the input brings out a bug. */
  readonly run: (seed: number) => Promise<void>
}

function kind<T>(
  name: string,
  { cases, dose = 100 }: { readonly cases: number; readonly dose?: number },
  input: fc.Arbitrary<T>,
  attempt: (value: T) => void | Promise<void>,
): Kind {
  return {
    name,
    cases,
    dose,
    run: async (seed) => {
      for (const value of fc.sample(input, { seed, numRuns: 1 })) await attempt(value)
    },
  }
}

export const KINDS: readonly Kind[] = [
  kind('configs', { cases: 20_000 }, arbitraryConfig, tryConfig),
  kind('commands', { cases: 500, dose: 6 }, arbitraryCommand, tryCommand),
  kind('kernels', { cases: 2000 }, arbitraryKernel, tryKernel),
  kind('maps', { cases: 1000 }, arbitraryMap, tryMap),
  kind('command-lines', { cases: 1000 }, arbitraryCommandLine, tryCommandLine),
  kind('reports', { cases: 1000 }, arbitraryReport, tryReport),
  kind('consoles', { cases: 1000 }, arbitraryConsole, tryConsole),
  kind('qmp-peers', { cases: 300 }, arbitraryPeer, tryPeer),
  kind('qemu-words', { cases: 3000 }, arbitraryQemuWords, tryQemuWords),
  kind('imports', { cases: 2000 }, arbitraryImport, tryImport),
  kind('trees', { cases: 1000 }, arbitraryTree, tryTree),
  kind('images', { cases: 500 }, arbitraryImage, tryImage),
]

/** CPU time in seconds, which the load of the computer does not change. */
const LIMIT_S = 10

/** What is wrong with one case; undefined when nothing is. */
export async function problemWith({ name, run }: Kind, seed: number): Promise<string | undefined> {
  const began = process.cpuUsage()
  try {
    await run(seed)
  } catch (error) {
    return `${name}, case ${seed}: ${error instanceof Error ? error.stack : String(error)}`
  }
  const seconds = process.cpuUsage(began).user / 1e6
  return seconds > LIMIT_S ? `${name}, case ${seed}: ${seconds} s of CPU time` : undefined
}
