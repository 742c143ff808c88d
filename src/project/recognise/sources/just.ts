/** Recipes of a justfile (just, "Recipe Parameters", "Expressions and Substitutions"). Pure. */
import type { FoundCommand } from '../found.ts'
import { qemuCommandsIn } from '../qemu-words.ts'
import type { SourceTree } from '../tree.ts'

const JUSTFILES = ['justfile', 'Justfile', '.justfile']

interface Recipe {
  readonly name: string
  readonly needs: readonly string[]
  /** Lines with values in place of `{{name}}`; `$name` where only just knows the value. */
  readonly lines: readonly string[]
}

export interface Justfile {
  readonly file: string
  readonly recipes: readonly Recipe[]
}

/** Undefined where the tree has none. */
export function justfileIn(tree: SourceTree): Justfile | undefined {
  const file = JUSTFILES.find(tree.has)
  const text = file === undefined ? undefined : tree.read(file)
  if (file === undefined || text === undefined) return undefined
  const values = new Map<string, string>()
  for (const [, name = '', value = ''] of text.matchAll(/^(?:export\s+)?([\w-]+)\s*:=\s*(.+?)\s*$/gm)) {
    const known = resultOf(value, values)
    if (known !== undefined) values.set(name, known)
  }
  return { file, recipes: recipesIn(text, values) }
}

/** A name, its parameters, what it needs; an assignment has `:=`. */
const HEAD = /^@?([\w-]+)((?:\s+[*+$]?[\w-]+(?:\s*=\s*(?:"[^"]*"|'[^']*'|[\w./-]+))?)*)\s*:(?!=)\s*([\w\s-]*)/

function recipesIn(text: string, values: ReadonlyMap<string, string>): readonly Recipe[] {
  const recipes: (Recipe & { readonly lines: string[] })[] = []
  let own = values
  for (const line of text.replaceAll(/\\\r?\n\s*/g, ' ').split(/\r?\n/)) {
    const [, name, parameters = '', after = ''] = HEAD.exec(line) ?? []
    if (name !== undefined) {
      own = new Map([...values, ...defaultsOf(parameters)])
      recipes.push({ name, needs: after.split(/\s+/).filter(Boolean), lines: [] })
    } else if (/^\s+\S/.test(line))
      recipes.at(-1)?.lines.push(
        line
          .trim()
          .replace(/^[@-]+/, '')
          .replaceAll(
            /\{\{(.*?)\}\}/g,
            (_, inner: string) => resultOf(inner, own) ?? `$${inner.match(/\w+/)?.[0] ?? '_'}`,
          ),
      )
  }
  return recipes
}

/** Without arguments `*args` is empty, others have their default. */
function defaultsOf(parameters: string): readonly (readonly [string, string])[] {
  return [...parameters.matchAll(/([*+$]?)([\w-]+)(?:\s*=\s*("[^"]*"|'[^']*'|[\w./-]+))?/g)].flatMap(
    ([, kind = '', name = '', value]) => {
      if (value !== undefined) return [[name, value.replace(/^["']|["']$/g, '')] as const]
      return kind === '*' ? [[name, ''] as const] : []
    },
  )
}

/** Texts, names, the default of a variable of the environment, joined by `+` and `/`. */
const TOKEN =
  /\s*(?:"([^"]*)"|'([^']*)'|(?:env_var_or_default|env)\s*\(\s*["'][^"']*["']\s*,\s*["']([^"']*)["']\s*\)|(justfile_directory|invocation_directory)\s*\(\s*\)|([\w-]+)(?!\s*\())\s*([+/]?)/y

/** Undefined for an expression with something else in it. */
function resultOf(expression: string, values: ReadonlyMap<string, string>): string | undefined {
  let out = ''
  TOKEN.lastIndex = 0
  for (;;) {
    const [whole, double, single, otherwise, folder, name, joint] = TOKEN.exec(expression) ?? []
    if (whole === undefined) return undefined
    const value = double ?? single ?? otherwise ?? (folder && '.') ?? values.get(name ?? '')
    if (value === undefined) return undefined
    out = `${out}${value}${joint === '/' ? '/' : ''}`.slice(0, 10_000)
    if (joint === '' || joint === undefined)
      return /\S/.test(expression.slice(TOKEN.lastIndex)) ? undefined : out
  }
}

export function commandsInJustfile(tree: SourceTree): readonly FoundCommand[] {
  const justfile = justfileIn(tree)
  if (!justfile) return []
  const { file, recipes } = justfile
  return recipes.flatMap(({ name, needs, lines }) =>
    lines.flatMap((line) =>
      qemuCommandsIn(line).map(
        (command): FoundCommand => ({
          command,
          where: `${file}, recipe ${name}`,
          folder: '.',
          name,
          ...(needs.length > 0 ? { build: [['just', ...needs]] } : {}),
        }),
      ),
    ),
  )
}
