import { expect, test } from 'vitest'
import { callSite } from './call-site.ts'

function later(): Promise<never> {
  const atCaller = callSite(later)
  return new Promise((_, reject) => {
    queueMicrotask(() => reject(atCaller(new TypeError('too late'))))
  })
}

test('an error that is made later points at the line of the call', async () => {
  async function theTest() {
    await later()
  }
  const error = await theTest().catch((caught: unknown) => caught as Error)
  expect(error).toBeInstanceOf(TypeError)
  const [head, first] = (error as Error).stack?.split('\n') ?? []
  expect(head).toBe('TypeError: too late')
  expect(first).toMatch(/theTest.*call-site\.test\.ts/)
})
