import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, it } from 'vitest'
import { quoteCommand } from './quote.ts'

it('survives a real shell, whatever the words', () => {
  const word = fc
    .string({ unit: 'binary', minLength: 1 })
    .filter((s) => !s.includes('\0') && Buffer.from(s).toString() === s)
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 5 }), (words) => {
      const script = `printf '%s\\0' ${quoteCommand(words).join(' ')}`
      const seen = execFileSync('bash', ['-c', script]).toString()
      expect(seen).toBe(words.map((w) => `${w}\0`).join(''))
    }),
    { numRuns: 30 },
  )
})
