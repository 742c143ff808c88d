/** What a makefile says plainly: variables, rules and commands. Nothing is executed. */
import { calledFunction, calledText, closingBracket, substitutedEnds } from './make-functions.ts'

export interface Rule {
  readonly targets: readonly string[]
  readonly needs: readonly string[]
  readonly commands: readonly string[]
}

export interface Makefile {
  readonly rules: readonly Rule[]
  /** With variables in their place; what only make can work out keeps its `$(…)`. */
  expand(text: string): string
}

/** Variables that hold one another can grow without end; no path or command is that long. */
const LONGEST = 10_000
/** Calls within calls. */
const DEEPEST = 30
/** Each is looked for up to the end of the text. */
const MOST_UNCLOSED = 1000

export function readMakefile(text: string): Makefile {
  // Paths are relative to the tree.
  const variables = new Map([
    ['CURDIR', '.'],
    ['PWD', '.'],
    ['MAKEFILE_LIST', './Makefile'],
  ])
  const { expand, forget } = expander(variables)
  const { lines: all, texts } = withoutDefines(text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/))
  for (const [name, value] of texts) variables.set(name, value)
  const lines = chosenLines(all, {
    expand,
    isSet: (name) => (variables.get(name) ?? '') !== '',
    onLine(line) {
      const set = setByCall(line, variables)
      if (set && !variables.has(set.name)) variables.set(set.name, set.value)
      if (set) return forget()
      const [, name, how, value = ''] =
        /^ *(?:export +|override +)*([\w.-]+) *(\?=|\+=|::?:?=|=)\s*(.*)$/.exec(line) ?? []
      if (name === undefined) return
      const plain = value.replace(/\s+#.*$/, '').trim()
      const before = variables.get(name)
      if (how === '+=' && before !== undefined) variables.set(name, `${before} ${plain}`)
      else if (how !== '?=' || before === undefined) variables.set(name, plain)
      forget()
    },
  })
  return { rules: rulesIn(lines, expand), expand }
}

/** `define NAME … endef`: texts that are called, not lines of the makefile. */
function withoutDefines(lines: readonly string[]): {
  readonly lines: readonly string[]
  readonly texts: readonly (readonly [string, string])[]
} {
  const kept: string[] = []
  const texts: [string, string][] = []
  let open: [string, string] | undefined
  for (const line of lines) {
    const [, name] = /^ *(?:override +)?define +([\w.-]+)/.exec(line) ?? []
    if (open && /^ *endef\b/.test(line)) open = undefined
    else if (open) open[1] += `${line}\n`
    else if (name === undefined) kept.push(line)
    else {
      open = [name, '']
      texts.push(open)
    }
  }
  return { lines: kept, texts }
}

/** `$(1) := $(2)`: what a text that is called gives a value to. */
const SETS = /\$[({]?1[)}]?\s*[:?]*=\s*\$[({]?2[)}]?/

/** `$(call DEFAULT,ARCH,x86_64)` where DEFAULT sets its first argument to the second unless it has a value. */
function setByCall(
  line: string,
  variables: ReadonlyMap<string, string>,
): { readonly name: string; readonly value: string } | undefined {
  const [, called = '', name, value = ''] =
    /^ *(?:\$\(eval +)?\$\(call +([\w.-]+) *, *([\w.-]+) *,(.*?)\)\)? *$/.exec(line) ?? []
  const isSetting = name !== undefined && SETS.test(variables.get(called) ?? '')
  return isSetting ? { name, value: value.trim() } : undefined
}

/** An architecture that only a shell finds out is that of this computer. */
const ARCHITECTURE = /^(?:\w*_)?K?ARCH$/i

/** Each variable once, and no text without end: makefiles of others may hold anything. */
function expander(variables: ReadonlyMap<string, string>) {
  const expanded = new Map<string, string>()
  let unclosed = 0
  const variable = (name: string, whole: string): string => {
    const value = variables.get(name)
    if (value === undefined) return whole
    const known = expanded.get(name)
    if (known !== undefined) return known
    // One that holds itself stays as it is.
    expanded.set(name, whole)
    const own = expand(value)
    expanded.set(name, ARCHITECTURE.test(name) && /^\$\(shell\s/.test(own) ? 'x86_64' : own)
    return expanded.get(name) ?? whole
  }
  /** Texts that are being put in the place of their calls: one that calls itself stays as it is. */
  const open = new Set<string>()
  const expandCall = ({ name, text }: { readonly name: string; readonly text: string }): string => {
    open.add(name)
    const out = expand(text)
    open.delete(name)
    return out
  }
  let depth = 0
  /** What is in the brackets; undefined for what only make can work out. */
  const inBrackets = (inner: string, whole: string): string | undefined => {
    if (/^[\w.-]+$/.test(inner)) return variable(inner, whole)
    const [, name, from = '', to = ''] = /^([\w.-]+):([^=]+)=(.*)$/.exec(inner) ?? []
    if (name === undefined) {
      const called = calledText(inner, (one) => (open.has(one) ? undefined : variables.get(one)), expand)
      return called === undefined ? calledFunction(inner, expand) : expandCall(called)
    }
    const value = variable(name, whole)
    return value === whole ? undefined : substitutedEnds(value, from, to)
  }
  const expand = (text: string): string => {
    if (depth > DEEPEST) return text
    depth++
    let out = ''
    let at = 0
    for (;;) {
      const next = text.indexOf('$', at)
      if (next < 0 || out.length > LONGEST) break
      const char = text[next + 1] ?? ''
      const end = char === '(' || char === '{' ? closingBracket(text, next + 1) : next + 2
      if (end === undefined) {
        // One that is never closed; those in it may be.
        out += text.slice(at, next + 2)
        at = next + 2
        if (++unclosed > MOST_UNCLOSED) break
        continue
      }
      const whole = text.slice(next, end)
      const inner = whole.length > 2 ? whole.slice(2, -1) : /[A-Za-z]/.test(char) ? char : undefined
      out += text.slice(at, next) + (inner === undefined ? whole : (inBrackets(inner, whole) ?? whole))
      at = end
    }
    depth--
    return out + text.slice(at)
  }
  return { expand, forget: () => expanded.clear() }
}

interface Reading {
  readonly expand: (text: string) => string
  readonly isSet: (name: string) => boolean
  readonly onLine: (line: string) => void
}

/** Lines outside of conditions, and those whose condition holds on this computer, with nothing on make's command line. */
function chosenLines(lines: readonly string[], reading: Reading): readonly string[] {
  const chosen: string[] = []
  // Of each condition: whether its lines count, and whether one of its branches has.
  const stack: { isOn: boolean; hasBeen: boolean }[] = []
  // A tab begins a command of a rule; where no rule is open, it is a blank.
  let isInRule = false
  for (const given of lines) {
    const line = isInRule ? given : given.replace(/^\s+/, '')
    const [, word, rest = ''] = /^ *(ifdef|ifndef|ifeq|ifneq|else|endif)\b\s*(.*)$/.exec(line) ?? []
    const top = stack.at(-1)
    if (word === 'endif') stack.pop()
    else if (word === 'else' && top) {
      const [, inner, condition = ''] = /^(ifdef|ifndef|ifeq|ifneq)\b\s*(.*)$/.exec(rest) ?? []
      const isOn = !top.hasBeen && (inner === undefined || holds(inner, condition, reading))
      stack[stack.length - 1] = { isOn, hasBeen: top.hasBeen || isOn }
    } else if (word !== undefined && word !== 'else') {
      const isOn = holds(word, rest, reading)
      stack.push({ isOn, hasBeen: isOn })
    } else if (stack.every(({ isOn }) => isOn)) {
      chosen.push(line)
      if (line.startsWith('\t') || /^\s*(#|$)/.test(line)) continue
      isInRule = RULE.test(line)
      reading.onLine(line)
    }
  }
  return chosen
}

function holds(word: string, rest: string, { expand, isSet }: Reading): boolean {
  const text = rest.replace(/\s+#.*$/, '').trim()
  if (word === 'ifdef' || word === 'ifndef') return isSet(expand(text)) === (word === 'ifdef')
  const [, a, b, c, d] =
    /^\(((?:[^(),]|\$\([^()]*\))*),((?:[^()]|\$\([^()]*\))*)\)$|^["']([^"']*)["']\s+["']([^"']*)["']$/.exec(
      text,
    ) ?? []
  const [left, right] = [a ?? c, b ?? d].map((side) => plainValue(expand(side ?? '')))
  return (left === right) === (word === 'ifeq')
}

/** Variables that nothing sets are empty. */
function plainValue(text: string): string {
  return text.replaceAll(/\$(\([\w.-]+\)|\{[\w.-]+\})/g, '').trim()
}

/** A call that stays has blanks in it. */
const WORDS = /(?:\$\((?:[^()]|\([^()]*\))*\)|\S)+/g

const RULE = /^([^\s#:=](?:\$\([^()]*\)|[^#:=])*):(?!=)(?::(?!=))?([^=]*)$/

function rulesIn(lines: readonly string[], expand: (text: string) => string): readonly Rule[] {
  const rules: { targets: string[]; needs: string[]; commands: string[] }[] = []
  for (const line of lines) {
    if (line.startsWith('\t')) {
      rules.at(-1)?.commands.push(line.trim().replace(/^[@+-]+/, ''))
      continue
    }
    const [, targets, needs = ''] = RULE.exec(line) ?? []
    if (targets === undefined) continue
    const words = (text: string) => expand(text).replace(/\|/g, ' ').match(WORDS) ?? []
    const [own = '', command] = needs.split(';', 2)
    rules.push({ targets: words(targets), needs: words(own), commands: command ? [command.trim()] : [] })
  }
  return rules.map((rule) => ({ ...rule, commands: rule.commands.map((c) => automatic(expand(c), rule)) }))
}

/** `$@`, `$<` and `$^` of a rule. */
function automatic(command: string, { targets, needs }: Pick<Rule, 'targets' | 'needs'>): string {
  return command
    .replaceAll('$@', targets[0] ?? '')
    .replaceAll('$<', needs[0] ?? '')
    .replaceAll('$^', needs.join(' '))
}
