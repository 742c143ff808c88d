/** Measures in pairs: every contender once per round, so that a noisy computer disturbs all of them alike. */
import { spawn } from 'node:child_process'
import { createColors } from 'picocolors'
import { formatTable } from '../src/cli/table.ts'

export interface Contender {
  readonly name: string
  /** What is measured. Resolves to milliseconds where it measures itself. */
  readonly run: () => Promise<number | undefined>
}

export interface Bench {
  readonly title: string
  /** The contender that the others are compared with. */
  readonly contenders: readonly [Contender, ...Contender[]]
  readonly rounds: number
  /** What a round is, when it is not one start: `4 MB`. */
  readonly note?: string
}

/** Runs a bench and prints medians, minima, and the median of each round's difference and ratio to the first contender. */
export async function measure({ title, contenders, rounds, note }: Bench): Promise<void> {
  const times = new Map<string, number[]>(contenders.map(({ name }) => [name, []]))
  // One round that is not counted: caches of the disk and of bringup.
  for (let round = -1; round < rounds; round++) {
    for (const { name, run } of contenders) {
      const began = performance.now()
      const own = await run()
      if (round >= 0) times.get(name)?.push(own ?? performance.now() - began)
    }
  }
  const first = times.get(contenders[0].name) ?? []
  const rows = contenders.map(({ name }) => {
    const mine = times.get(name) ?? []
    const added = mine.map((ms, i) => ms - (first[i] ?? Number.NaN))
    const ratios = mine.map((ms, i) => ms / (first[i] ?? Number.NaN))
    const isFirst = name === contenders[0].name
    return [
      name,
      median(mine).toFixed(1),
      Math.min(...mine).toFixed(1),
      isFirst ? '' : median(added).toFixed(1),
      isFirst ? '' : median(ratios).toFixed(2),
    ]
  })
  console.log(
    `\n${title}: ${rounds} rounds${note === undefined ? '' : `, ${note}`}\n${formatTable(['', 'median ms', 'least ms', 'added ms', 'ratio'], rows, { colors: createColors(false), columns: Number.POSITIVE_INFINITY })}`,
  )
}

export function median(numbers: readonly number[]): number {
  const sorted = numbers.toSorted((a, b) => a - b)
  const middle = Math.floor(sorted.length / 2)
  return sorted.length % 2 === 1
    ? (sorted[middle] ?? Number.NaN)
    : ((sorted[middle - 1] ?? Number.NaN) + (sorted[middle] ?? Number.NaN)) / 2
}

/** Node reads and parses NODE_EXTRA_CA_CERTS at every start, which takes it up to 45 ms before it does anything. */
const { NODE_EXTRA_CA_CERTS: _, NODE_OPTIONS: __, ...ENVIRONMENT } = process.env

/** Runs a program to its end. Any of `statuses` will do. */
export function spawned(
  argv: readonly string[],
  cwd: string,
  statuses: readonly number[] = [0],
): Promise<undefined> {
  const [program = '', ...args] = argv
  return new Promise((resolve, reject) => {
    const child = spawn(program, args, { cwd, env: ENVIRONMENT, stdio: ['ignore', 'ignore', 'pipe'] })
    let words = ''
    child.stderr.on('data', (chunk) => {
      words += chunk
    })
    child.on('error', reject)
    child.on('close', (status) => {
      if (status !== null && statuses.includes(status)) resolve(undefined)
      else reject(new Error(`${argv.join(' ')} ended with ${status}: ${words}`))
    })
  })
}
