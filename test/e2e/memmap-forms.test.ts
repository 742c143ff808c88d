/** A few rows of the table of `memmap=` in guests; `npm run test:pmem` boots all of them. */
import { expect, test } from '../../src/testing/index.ts'
import { RECORDED } from '../pmem/memmap-forms.ts'

const WORDS = ['memmap=1536M\\!1G', 'memmap=256M%1G-1+12', 'memmap=512M@4G memmap=1536M']

for (const words of WORDS)
  test(`a kernel makes the recorded map of ${words}`, async ({ launch }) => {
    const form = RECORDED.forms.find((f) => f.words === words)
    const append = `earlyprintk=ttyS0 ignore_loglevel ${words}`
    const guest = await launch({ memory: '3G', boot: { append } }, { profile: 'linux' })
    const { stdout } = await guest.run(['dmesg'])
    expect([...stdout.matchAll(/\buser: (\[mem .*)$/gm)].map((m) => m[1])).toEqual(form?.map)
  })
