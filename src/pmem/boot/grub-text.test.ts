import { execFileSync } from 'node:child_process'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { firstEntry, grubSetting, grubWord, passesWords } from './grub-text.ts'

/** What the settings come to in the shell that grub-mkconfig reads them with. */
function inShell(setting: string): string {
  return execFileSync(
    'sh',
    ['-c', `GRUB_CMDLINE_LINUX_DEFAULT=quiet\n${setting}printf %s "$GRUB_CMDLINE_LINUX_DEFAULT"`],
    {
      encoding: 'utf8',
    },
  )
}

test('a dollar sign is escaped for GRUB, an exclamation mark is not, the shell changes neither', () => {
  expect(inShell(grubSetting(['memmap=16G!4G']))).toBe('quiet memmap=16G!4G')
  expect(inShell(grubSetting(['memmap=64K$0x18690000', "it's"]))).toBe("quiet memmap=64K\\$0x18690000 it\\'s")
})

test('whatever the words, the shell hands on what was meant, and it is found again in the menu', () => {
  const word = fc.stringMatching(/^[!-~]{1,12}$/).filter((w) => !/["\\]/.test(w))
  fc.assert(
    fc.property(fc.array(word, { minLength: 1, maxLength: 3 }), (words) => {
      const line = inShell(grubSetting(words))
      expect(line).toBe(['quiet', ...words.map(grubWord)].join(' '))
      const menu = `menuentry 'x' {\n\tlinux /vmlinuz ${line}\n}\n`
      expect(words.includes('--') || passesWords(menu, words)).toBe(true)
    }),
    { numRuns: 60 },
  )
})

test('the first entry of a menu, and undefined for a menu without entries', () => {
  expect(
    firstEntry('set x\nmenuentry "A \'b\'" --id x {\n\tif true; then\n\tfi\n}\nmenuentry c {\n}'),
  ).toEqual({
    title: "A 'b'",
    text: 'menuentry "A \'b\'" --id x {\n\tif true; then\n\tfi\n}',
  })
  expect(firstEntry('submenu x {\n\tmenuentry y {\n\t}\n}')).toBeUndefined()
})
