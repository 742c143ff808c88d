/** What a makefile says plainly: variables, rules and commands. Nothing is executed. */

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

export function readMakefile(text: string): Makefile {
  const lines = text.replaceAll(/\\\r?\n/g, ' ').split(/\r?\n/)
  const variables = new Map<string, string>()
  for (const line of lines) {
    const [, name, how, value = ''] =
      /^ *(?:export +|override +)?([\w.-]+) *(\?=|\+=|::?=|=)\s*(.*)$/.exec(line) ?? []
    if (name === undefined) continue
    const plain = value.replace(/\s+#.*$/, '').trim()
    const before = variables.get(name)
    if (how === '+=' && before !== undefined) variables.set(name, `${before} ${plain}`)
    else if (how !== '?=' || before === undefined) variables.set(name, plain)
  }
  const expanded = new Map<string, string>()
  // Each variable once, and no text without end: makefiles of others may hold anything.
  const variable = (name: string, whole: string): string => {
    const value = variables.get(name)
    if (value === undefined) return whole
    const known = expanded.get(name)
    if (known !== undefined) return known
    // One that holds itself stays as it is.
    expanded.set(name, whole)
    expanded.set(name, expand(value))
    return expanded.get(name) ?? whole
  }
  const expand = (text: string): string => {
    let room = LONGEST
    return text.replaceAll(/\$(?:\(([\w.-]+)\)|\{([\w.-]+)\}|([A-Za-z]))/g, (whole, a, b, c) => {
      const value = room > 0 ? variable(a ?? b ?? c, whole) : whole
      room -= value.length
      return value
    })
  }
  return { rules: rulesIn(lines, expand), expand }
}

function rulesIn(lines: readonly string[], expand: (text: string) => string): readonly Rule[] {
  const rules: { targets: string[]; needs: string[]; commands: string[] }[] = []
  for (const line of lines) {
    if (line.startsWith('\t')) {
      rules.at(-1)?.commands.push(line.trim().replace(/^[@+-]+/, ''))
      continue
    }
    const [, targets, needs = ''] = /^([^\s#:=][^#:=]*):(?!=)(?::(?!=))?([^=]*)$/.exec(line) ?? []
    if (targets === undefined) continue
    const words = (text: string) => expand(text).replace(/\|/g, ' ').split(/\s+/).filter(Boolean)
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
