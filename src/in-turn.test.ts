import { expect, test } from 'vitest'
import { inTurn } from './in-turn.ts'

function gate() {
  let open = () => {}
  const opened = new Promise<void>((resolve) => {
    open = resolve
  })
  return { open, opened }
}

test('acts on the same thing follow each other, also after one that failed', async () => {
  const thing = {}
  const { open, opened } = gate()
  const seen: string[] = []
  const first = inTurn([thing], async () => {
    await opened
    seen.push('first')
    throw new Error('it failed')
  })
  const second = inTurn([thing], async () => void seen.push('second'))
  open()
  await expect(first).rejects.toThrow('it failed')
  await second
  expect(seen).toEqual(['first', 'second'])
})

test('acts on other things do not wait, and acts on several wait for all of them', async () => {
  const [one, two] = [{}, {}]
  const { open, opened } = gate()
  const seen: string[] = []
  const slow = inTurn([one], async () => {
    await opened
    seen.push('slow')
  })
  await inTurn([two], async () => void seen.push('other'))
  const both = inTurn([two, one], async () => void seen.push('both'))
  // In the other order of things: none waits for the other.
  const again = inTurn([one, two], async () => void seen.push('again'))
  open()
  await Promise.all([slow, both, again])
  expect(seen).toEqual(['other', 'slow', 'both', 'again'])
})
