import { expect, it } from 'vitest'
import { showScreenLines } from './screen-lines.ts'

it('prints what is drawn and is not on the console, also not while it is drawn', () => {
  const shown: string[] = []
  const take = showScreenLines((line) => shown.push(line))
  const guest = 'default'
  take({ at: 0, type: 'console line', guest, line: 'hello from the kernel\r' })
  for (const line of ['hello from the kernel', 'hello from the ker', 'only drawn', 'the kernel', ''])
    take({ at: 0, type: 'screen line', guest, line })
  expect(shown).toEqual(['only drawn', 'the kernel'])
})
