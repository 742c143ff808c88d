/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of make are in the texts */
import { expect, test } from 'vitest'
import { readMakefile } from './makefile.ts'

const expanded = (text: string, variables = '') => readMakefile(variables).expand(text)

test.each([
  ['out/$(notdir src/os).img', 'out/os.img'],
  ['$(addsuffix .o,$(basename a.c b/c.S))', 'a.o b/c.o'],
  ['$(patsubst src/%.c,build/%.o,src/a.c src/d/b.c)', 'build/a.o build/d/b.o'],
  ['$(SRC:.c=.o) ${SRC:%.c=x/%.o}', 'a.o b.o x/a.o x/b.o'],
  ['$(strip  a   b ) $(firstword $(SRC)) $(word 2,$(SRC)) $(lastword c d)', 'a b a.c b.c d'],
  ['$(addprefix $(O)/,k.elf)', 'out/k.elf'],
  ['$(filter %.c,a.c b.S)$(filter-out %.c,a.c b.S)', 'a.cb.S'],
  ['$(subst -,_,a-b) $(dir a/b c) $(suffix a.c d)', 'a_b a/ ./ .c'],
  ['$(CURDIR)/x.img', './x.img'],
  [
    '$(shell uname -m) $(shell uname) $(shell dirname $(realpath $(lastword $(MAKEFILE_LIST))))',
    'x86_64 Linux .',
  ],
  // What only make or a shell can work out stays.
  [
    '$(wildcard *.c) $(shell date) $(notdir $(UNKNOWN)) $@',
    '$(wildcard *.c) $(shell date) $(notdir $(UNKNOWN)) $@',
  ],
  ['$(open $(SRC)', '$(open a.c b.c'],
  ['$$(SRC)', '$$(SRC)'],
])('%s', (text, value) => {
  expect(expanded(text, 'SRC = a.c b.c\nO := out\n')).toBe(value)
})

test('a rule has no target that is half of a call', () => {
  const { rules } = readMakefile('out/$(shell ./name os).img: a b\n\ttrue\n')
  expect(rules).toEqual([{ targets: ['out/$(shell ./name os).img'], needs: ['a', 'b'], commands: ['true'] }])
})

test('brackets without end take no time', () => {
  const text = '$('.repeat(20_000)
  expect(expanded(text)).toBe(text)
  expect(expanded(`${'$(notdir '.repeat(300)}a${')'.repeat(300)}`).length).toBeGreaterThan(0)
})
