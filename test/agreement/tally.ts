/** Runs many cases, some at a time, and counts what came of them. */
import { type Agreement, agree, type Category } from './agree.ts'
import { type Case, makeCase } from './cases.ts'

export interface Tally {
  readonly counts: Readonly<Record<string, number>>
  /** How often each code was found. */
  readonly codes: ReadonlyMap<string, number>
  readonly disagreements: readonly string[]
}

export interface TallyRequest {
  readonly seed: number
  readonly cases: number
  readonly first?: number
  readonly jobs: number
  /** Which QEMU; the one in PATH unless told. */
  readonly qemu?: string
  readonly onCase?: (done: number, one: Case, found: Agreement) => void
}

export async function tally(request: TallyRequest): Promise<Tally> {
  const { seed, cases, first = 0, jobs, qemu, onCase } = request
  const counts: Partial<Record<Category, number>> = {}
  const codes = new Map<string, number>()
  const disagreements: string[] = []
  let next = first
  let done = 0
  const worker = async () => {
    while (next < first + cases) {
      const one = makeCase(seed, next++)
      const found = await agree(one, qemu)
      counts[found.category] = (counts[found.category] ?? 0) + 1
      for (const code of found.codes) codes.set(code, (codes.get(code) ?? 0) + 1)
      if (found.disagreement !== undefined) disagreements.push(describe(one, found))
      done += 1
      onCase?.(done, one, found)
    }
  }
  await Promise.all(Array.from({ length: jobs }, worker))
  return { counts: counts as Record<string, number>, codes, disagreements }
}

/** All that is needed to see it again. */
export function describe({ seed, index, spoilt, machine }: Case, found: Agreement): string {
  return [
    `seed ${seed} case ${index}${spoilt === undefined ? '' : ` (${spoilt})`}: ${found.disagreement}`,
    `  found: ${found.codes.join(', ') || 'no errors'}`,
    `  machine: ${JSON.stringify(machine)}`,
    `  argv: ${JSON.stringify(found.argv)}`,
    `  again: npm run soak -- --seed ${seed} --first ${index} --cases 1`,
  ].join('\n')
}

export function seedFrom(text: string | undefined, otherwise: number): number {
  const seed = Number(text ?? otherwise)
  if (!Number.isSafeInteger(seed)) throw new Error(`a seed is a whole number, not "${text}"`)
  return seed
}
