/** The table of `memmap-forms.json`, each form once more in a guest: the kernel’s map is the recorded one. */
import { describe } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'
import { RECORDED } from './memmap-forms.ts'

const NO_BOOT_MS = 60_000

describe('a kernel makes the recorded map of', () => {
  for (const { words, map } of RECORDED.forms)
    test(words, async ({ launch }) => {
      const append = `earlyprintk=ttyS0 ignore_loglevel ${words}`
      const guest = await launch({ memory: '3G', boot: { append } }, { profile: 'linux' })
      // Some leave too little memory to boot; the map is on the console before.
      await guest.run(['true'], { timeoutMs: NO_BOOT_MS }).catch(() => {})
      const { text } = guest.console
      const seen = [...text.matchAll(/\buser: (\[mem [^\r\n]*)/g)].map((m) => m[1])
      if (map === 'panic') expect(text).toContain('Invalid user supplied memory map')
      else expect(seen).toEqual(map === 'firmware' ? [] : map)
    })
})
