import { expect, it } from 'vitest'
import { readingOnce, readOnce } from './read-once.ts'

it('reads an answer once within, each time outside, and anew the next time', async () => {
  let reads = 0
  const ask = (path: string) => readOnce(['size', path], () => `${path} ${++reads}`)
  expect([ask('a'), ask('a')]).toEqual(['a 1', 'a 2'])
  const twice = async () => [ask('a'), await Promise.resolve().then(() => ask('a')), ask('b')]
  const [one, other] = await Promise.all([readingOnce(twice), readingOnce(twice)])
  expect(one).toEqual(['a 3', 'a 3', 'b 5'])
  expect(other).toEqual(['a 4', 'a 4', 'b 6'])
})
