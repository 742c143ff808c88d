/** Keys of a US keyboard by QEMU's names (QKeyCode in qapi/ui.json). Pure. */

/** Keys that are pressed together. */
export interface KeyPress {
  readonly codes: readonly string[]
}

type Read = KeyPress | { readonly unknown: string }

const PLAIN: Readonly<Record<string, string>> = {
  ' ': 'spc',
  '\n': 'ret',
  '\r': 'ret',
  '\t': 'tab',
  '\b': 'backspace',
  '\x7f': 'backspace',
  '\x1b': 'esc',
  '-': 'minus',
  '=': 'equal',
  '[': 'bracket_left',
  ']': 'bracket_right',
  '\\': 'backslash',
  ';': 'semicolon',
  "'": 'apostrophe',
  '`': 'grave_accent',
  ',': 'comma',
  '.': 'dot',
  '/': 'slash',
}

/** Characters above others on a US keyboard. */
const SHIFTED: Readonly<Record<string, string>> = Object.fromEntries(
  [...'~!@#$%^&*()_+{}|:"<>?'].map((char, i) => [char, [..."`1234567890-=[]\\;',./"][i] ?? '']),
)

/** The keys that type a text, one after another. `<enter>` and `<ctrl-c>` are keys by their names. */
export function keysOfText(text: string): readonly Read[] {
  // What the pattern has matched is at the odd places.
  return text.split(/(<[a-z0-9_-]{2,40}>)/).flatMap((part, i) => {
    const named = i % 2 === 1 ? readChord(part) : undefined
    return named && 'codes' in named ? [named] : [...part].map(keyOf)
  })
}

function keyOf(char: string): Read {
  const shifted = SHIFTED[char]
  if (shifted !== undefined) return { codes: ['shift', codeOf(shifted) ?? ''] }
  if (/^[A-Z]$/.test(char)) return { codes: ['shift', char.toLowerCase()] }
  const code = codeOf(char)
  return code === undefined ? { unknown: char } : { codes: [code] }
}

const codeOf = (char: string) => (/^[a-z0-9]$/.test(char) ? char : PLAIN[char])

/** Names that are longer than a character. */
const NAMES = new Set(
  `shift shift_r alt alt_r ctrl ctrl_r meta_l meta_r menu esc minus equal backspace tab bracket_left bracket_right ret
  semicolon apostrophe grave_accent backslash comma dot slash asterisk spc caps_lock f1 f2 f3 f4 f5 f6 f7 f8 f9 f10 f11
  f12 num_lock scroll_lock kp_divide kp_multiply kp_subtract kp_add kp_enter kp_decimal sysrq kp_0 kp_1 kp_2 kp_3 kp_4
  kp_5 kp_6 kp_7 kp_8 kp_9 less print home pgup pgdn end left up down right insert delete pause`.split(/\s+/),
)

/** Words that people use for them. */
const ALIASES: Readonly<Record<string, string>> = {
  enter: 'ret',
  return: 'ret',
  space: 'spc',
  escape: 'esc',
  del: 'delete',
  bs: 'backspace',
  pageup: 'pgup',
  pagedown: 'pgdn',
  control: 'ctrl',
  super: 'meta_l',
}

/** Keys pressed together, as QEMU's monitor writes them: `ctrl-alt-delete`, `f2`, `a`; in angle brackets as well. */
export function readChord(text: string): Read {
  const [, inner = text] = /^<(.+)>$/.exec(text) ?? []
  const codes = inner.split('-').map((word) => {
    const name = ALIASES[word] ?? word
    return NAMES.has(name) || /^[a-z0-9]$/.test(name) ? name : undefined
  })
  return codes.includes(undefined) ? { unknown: text } : { codes: codes as string[] }
}
