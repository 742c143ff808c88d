/* biome-ignore-all lint/suspicious/noTemplateCurlyInString: variables of a shell are what is tested */
import { describe, expect, it } from 'vitest'
import { qemuCommandsIn } from './qemu-words.ts'
import { shellCommands } from './shell-words.ts'

const words = (text: string) => shellCommands(text).map((c) => c.words)

describe('shellCommands', () => {
  it.each([
    ['a \'b c\' "d e" f\\ g', [['a', 'b c', 'd e', 'f g']]],
    ['a \\\n  b # comment\nc', [['a', 'b'], ['c']]],
    ['X=1 Y="2 3"\na $X "$Y" $Y ${Z:-4} $W', [['a', '1', '2 3', '2', '3', '4', '$W']]],
    [
      'A=(-m 64\n -smp 2) # all\nA+=("-cdrom" "x y")\nq "${A[@]}"',
      [['q', '-m', '64', '-smp', '2', '-cdrom', 'x y']],
    ],
    ['a > out 2>&1 b && c | d; e &> f', [['a', 'b'], ['c'], ['d'], ['e']]],
    ['a $(x "$(y)") `z w`', [['a', '$(x "$(y)")', '`z w`']]],
    ['a 2>/dev/null b 3 < in', [['a', 'b', '3']]],
    ['a --append "root=/dev/sda \\"x\\""', [['a', '--append', 'root=/dev/sda "x"']]],
    ['a {1,2}', [['a', '{1,2}']]],
  ])('%s', (text, expected) => {
    expect(words(text)).toEqual(expected)
  })

  it.each([
    "'",
    '"',
    '$(',
    '${',
    'a=(',
    '`',
    '\\',
    '$'.repeat(9999),
    '('.repeat(9999),
    'a=$a$a\n'.repeat(999),
  ])('ends with hostile text %#', (text) => {
    expect(Array.isArray(shellCommands(text))).toBe(true)
  })
})

describe('qemuCommandsIn', () => {
  it.each([
    'qemu-system-x86_64 -m 64',
    'sudo -E qemu-system-x86_64 -m 64',
    'exec /usr/bin/qemu-system-x86_64 -m 64',
    'env A=b qemu-system-x86_64 -m 64',
    'A=b timeout 10 qemu-system-x86_64 -m 64 || true',
    'kvm -m 64',
    '$(QEMU) -m 64',
    '\t@$(QEMU) -m 64',
    '${QEMU:-qemu-system-x86_64} -m 64',
    'cd build && qemu-system-x86_64 -m 64 >log 2>&1 &',
    'if [ -n x ]; then qemu-system-x86_64 -m 64; fi',
  ])('%s', (text) => {
    expect(qemuCommandsIn(text).map((c) => c.words)).toEqual([['-m', '64']])
  })

  it('leaves commands that only name it', () => {
    expect(qemuCommandsIn('apt-get install qemu-system-x86_64\necho qemu-system-x86_64 -m 64')).toEqual([])
  })
})
