/** The table of `memmap-forms.json`, each form once more in a guest: the kernel’s map is the recorded one. */
import { describe } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'
import { RECORDED } from './memmap-forms.ts'

describe('a kernel makes the recorded map of', () => {
  for (const { words, map } of RECORDED.forms)
    test(words, async ({ launch }) => {
      const append = `earlyprintk=ttyS0 ignore_loglevel ${words}`
      const guest = await launch({ memory: '3G', boot: { append } }, { profile: 'linux' })
      if (map === 'panic') {
        await guest.done
        expect(guest.console.text).toContain('Invalid user supplied memory map')
        return
      }
      const { stdout } = await guest.run(['dmesg'])
      const seen = [...stdout.matchAll(/\buser: (\[mem .*)$/gm)].map((m) => m[1])
      expect(seen).toEqual(map === 'firmware' ? [] : map)
    })
})
