/**
 * Reads commands as a shell splits them: quotes, escapes, comments, continuation lines, variables, arrays. Nothing is
 * executed; what only a shell can work out stays as it is written. Pure.
 */

/** Beyond any command that a person writes; texts of others may hold anything. */
const MOST_WORDS = 20_000
const LONGEST_VALUE = 10_000

export interface ShellCommand {
  /** Words with known variables in their place; unknown ones keep their `$NAME`. */
  readonly words: readonly string[]
}

type Values = Map<string, readonly string[]>

/**
 * The commands of a text, in their order.
 *
 * @param known Values of variables that the text does not set itself.
 * @param given Arguments that a script is called with: `$1`, `$@`.
 */
export function shellCommands(
  text: string,
  known: Readonly<Record<string, string>> = {},
  given?: readonly string[],
): readonly ShellCommand[] {
  const values: Values = new Map(Object.entries(known).map(([name, value]) => [name, [value]]))
  if (given) give(values, given)
  const state: State = { text: text.replaceAll(/\\\r?\n/g, ' '), at: 0, values, count: 0 }
  const commands: ShellCommand[] = []
  while (state.at < state.text.length && state.count < MOST_WORDS) {
    const words = readCommand(state)
    if (words.length > 0) commands.push({ words })
    if (given && words[0] === 'shift') give(values, (values.get('@') ?? []).slice(Number(words[1] ?? 1)))
  }
  return commands
}

const MOST_ARGUMENTS = 20

function give(values: Values, given: readonly string[]): void {
  for (let n = 1; n <= MOST_ARGUMENTS; n++) {
    const value = given[n - 1]
    // One that is missing keeps its `$1`: the script is not called like that.
    if (value === undefined) values.delete(`${n}`)
    else values.set(`${n}`, [value])
  }
  values.set('@', given)
  values.set('*', given)
}

interface State {
  readonly text: string
  at: number
  readonly values: Values
  count: number
}

const NAME = /^([A-Za-z_]\w*)(\+?)=/

/** Up to the next separator. Assignments in front of nothing are kept as variables. */
function readCommand(state: State): readonly string[] {
  const words: string[] = []
  for (;;) {
    skipBlank(state)
    const { text } = state
    const char = text[state.at]
    if (char === undefined || state.count >= MOST_WORDS) break
    if (/[\n;&|(){}]/.test(char) && !/^[{}][^\s;]/.test(text.slice(state.at, state.at + 2))) {
      // `2>&1` and `&>file` are read below.
      state.at++
      if (char === '&' && text[state.at] === '>') {
        state.at++
        skipBlank(state)
        readWord(state)
        continue
      }
      break
    }
    if (skipRedirection(state)) continue
    const assigned = words.every((word) => NAME.test(word)) ? readAssignment(state) : undefined
    if (assigned !== undefined) continue
    words.push(...readWord(state))
  }
  return words
}

function skipBlank(state: State): void {
  const { text } = state
  for (;;) {
    while (/[ \t\r]/.test(text[state.at] ?? '')) state.at++
    if (text[state.at] !== '#') return
    while (state.at < text.length && text[state.at] !== '\n') state.at++
  }
}

const REDIRECTION = /(?:\d*|&)(?:>>|>\||>&|<<<?|<&|<>|>|<)[ \t]*(?:&?\d+(?=\s|$))?/y

function skipRedirection(state: State): boolean {
  REDIRECTION.lastIndex = state.at
  const found = REDIRECTION.exec(state.text)?.[0]
  if (found === undefined) return false
  state.at += found.length
  if (!/\d\s*$/.test(found) || /^\d+[<>]+$/.test(found.trim())) readWord(state)
  return true
}

/** `NAME=value`, `NAME+=" more"`, `NAME=( a b )`. */
function readAssignment(state: State): true | undefined {
  const [whole, name = '', more] = NAME.exec(state.text.slice(state.at, state.at + 200)) ?? []
  if (whole === undefined) return undefined
  state.at += whole.length
  const before = more === '+' ? (state.values.get(name) ?? []) : []
  if (state.text[state.at] === '(') {
    state.at++
    const list: string[] = []
    for (;;) {
      while (/\s/.test(state.text[state.at] ?? '')) state.at++
      skipBlank(state)
      if (state.text[state.at] === '\n') continue
      if (state.text[state.at] === undefined || state.text[state.at] === ')' || state.count >= MOST_WORDS)
        break
      list.push(...readWord(state))
    }
    state.at++
    state.values.set(name, [...before, ...list])
    return true
  }
  const value = readWord(state, { isSplit: false }).join(' ')
  const joined = more === '+' ? `${before.join(' ')}${value}` : value
  if (joined.length <= LONGEST_VALUE) state.values.set(name, [joined])
  return true
}

/** One word, or several where an unquoted variable holds them. */
function readWord(state: State, { isSplit = true } = {}): readonly string[] {
  const { text } = state
  const words = ['']
  let isWord = false
  const add = (piece: string) => {
    words[words.length - 1] += piece
    isWord = true
  }
  state.count++
  for (;;) {
    const char = text[state.at]
    if (char === undefined || /[\s;&|<>()]/.test(char)) break
    if (char === '\\') {
      add(text[state.at + 1] ?? '')
      state.at += 2
    } else if (char === "'") {
      const end = closing(text, state.at + 1, "'")
      add(text.slice(state.at + 1, end))
      state.at = end + 1
    } else if (char === '"') {
      // `"$@"` without arguments is no word.
      const isNothing =
        /^"\$(?:@|\{@\})"/.test(text.slice(state.at, state.at + 6)) && state.values.get('@')?.length === 0
      readQuoted(state, words)
      if (!isNothing) isWord = true
    } else if (char === '$' || char === '`') {
      const pieces = readVariable(state)
      const split =
        isSplit && pieces.isKnown
          ? pieces.values.join(' ').split(/\s+/).filter(Boolean)
          : [pieces.values.join(' ')]
      split.forEach((piece, i) => {
        if (i > 0) words.push('')
        add(piece)
      })
    } else {
      add(char)
      state.at++
    }
  }
  if (!isWord && state.at < text.length && /[<>()]/.test(text[state.at] ?? '')) state.at++
  return isWord ? words : []
}

function closing(text: string, from: number, quote: string): number {
  const end = text.indexOf(quote, from)
  return end < 0 ? text.length : end
}

/** In double quotes: an array by `[@]` is several words, all else is one. */
function readQuoted(state: State, words: string[]): void {
  const { text } = state
  const add = (piece: string) => {
    words[words.length - 1] += piece
  }
  state.at++
  while (state.at < text.length && text[state.at] !== '"') {
    const char = text[state.at]
    if (char === '\\') {
      const next = text[state.at + 1] ?? ''
      add(/["\\$`]/.test(next) ? next : `\\${next}`)
      state.at += 2
    } else if (char === '$' || char === '`') {
      const { values, isList } = readVariable(state)
      if (isList)
        values.forEach((value, i) => {
          if (i > 0) words.push('')
          add(value)
        })
      else add(values.join(' '))
    } else {
      add(char ?? '')
      state.at++
    }
  }
  state.at++
}

interface Variable {
  readonly values: readonly string[]
  readonly isKnown: boolean
  readonly isList: boolean
}

const PLAIN = /\$([A-Za-z_]\w*|[@*#?$!0-9-])/y
const BRACED = /\$\{([A-Za-z_]\w*|\d+|@)(\[[@*]\])?(?::?([-=])([^}]*))?\}/y
/** `$(QEMU)` is a variable of make; with a blank in it, it is a command of a shell or a function of make. */
const OF_MAKE = /\$\(([A-Za-z_][\w-]*)\)/y

function readVariable(state: State): Variable {
  const { text, values } = state
  for (const pattern of [BRACED, OF_MAKE, PLAIN]) {
    pattern.lastIndex = state.at
    const [whole, name = '', list, how, otherwise] = pattern.exec(text) ?? []
    if (whole === undefined) continue
    state.at += whole.length
    const known = values.get(name)
    if (known !== undefined && !(known.length === 0 && how !== undefined))
      return { values: known, isKnown: true, isList: list !== undefined || name === '@' }
    if (how !== undefined)
      return { values: [(otherwise ?? '').replaceAll(/["']/g, '')], isKnown: true, isList: false }
    return { values: [whole], isKnown: false, isList: false }
  }
  const start = state.at
  const opener = text[start]
  state.at = opener === '`' ? closing(text, start + 1, '`') + 1 : pastBrackets(text, start + 1)
  return { values: [text.slice(start, state.at)], isKnown: false, isList: false }
}

/** Behind the bracket that closes the one at `from`, or the end of an unclosed text; `from` where no bracket opens. */
function pastBrackets(text: string, from: number): number {
  const open = text[from] ?? ''
  const close = { '(': ')', '{': '}' }[open]
  if (close === undefined) return from
  let depth = 0
  for (let at = from; at < text.length; at++) {
    if (text[at] === open) depth++
    else if (text[at] === close && --depth === 0) return at + 1
  }
  return text.length
}
