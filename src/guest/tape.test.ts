import fc from 'fast-check'
import { expect, it } from 'vitest'
import { Tape } from './tape.ts'

it('gives back what was written, whatever the pieces and whatever is read', () => {
  const sizes = fc.array(fc.oneof(fc.nat(40), fc.integer({ min: 10_000, max: 90_000 })), { maxLength: 30 })
  fc.assert(
    fc.property(sizes, fc.nat(), fc.nat(), (lengths, a, b) => {
      const tape = new Tape()
      let next = 0
      const chunks = lengths.map((length) => Buffer.from(Uint8Array.from({ length }, () => next++ % 251)))
      for (const chunk of chunks) tape.append(chunk)
      const all = Buffer.concat(chunks)
      expect(tape.end).toBe(all.length)
      const [from, to] = [a % (all.length + 1), b % (all.length + 1)].toSorted((x, y) => x - y)
      expect(tape.read(from ?? 0, to).equals(all.subarray(from, to))).toBe(true)
    }),
  )
})

it('forgets what is before a position, and nothing behind it', () => {
  const tape = new Tape()
  for (let i = 0; i < 10; i++) tape.append(Buffer.alloc(20_000, i))
  tape.forget(100_000)
  expect(tape.read(100_000).equals(Buffer.concat([5, 6, 7, 8, 9].map((i) => Buffer.alloc(20_000, i))))).toBe(
    true,
  )
  expect(tape.read(0).length).toBeLessThan(200_000)
  tape.append(Buffer.from('end'))
  expect(tape.read(tape.end - 3).toString()).toBe('end')
})
