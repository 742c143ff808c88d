/** Turns what the schema says about a description into diagnostics: one per mistake, with its path and what would be right. */
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'
import { wordsOf } from './issue-words.ts'

export const problems = defineDiagnostics({
  CONFIG_UNKNOWN_KEY: {
    title: 'A description has an unknown key.',
    why: 'ignoring a misspelt key would give a different machine',
    remedy: 'correct or delete it; the reference lists the keys',
  },
  CONFIG_INVALID: {
    title: 'A value in a description has the wrong type or form.',
    why: 'a value that is ignored or guessed would give a different machine',
    remedy: 'correct it; the reference lists the values',
  },
})

type Issue = z.core.$ZodIssue

/** What the findings are about: the schema that was not met, what was written, and in which file, if in one. */
export interface Subject {
  readonly schema: z.ZodType
  readonly input: unknown
  readonly file?: string
  /** Where `input` lies in the whole description. */
  readonly base?: readonly PropertyKey[]
}

/** Every problem of a description, the file's name in each of them. */
export function diagnoseIssues(issues: readonly Issue[], subject: Subject): readonly Diagnostic[] {
  return issues.flatMap((issue) => diagnose(issue, [], subject))
}

/** `machines.big.devices[0].size`, as it would be written in code. */
export function formatPath(path: readonly PropertyKey[]): string {
  return path
    .map((key, index) => {
      if (typeof key === 'number') return `[${key}]`
      const text = String(key)
      if (!/^[\w$]+$/.test(text)) return `["${text}"]`
      return index === 0 ? text : `.${text}`
    })
    .join('')
}

function diagnose(issue: Issue, above: readonly PropertyKey[], subject: Subject): readonly Diagnostic[] {
  const { input, base = [] } = subject
  const path = [...above, ...issue.path]
  const place = (...more: readonly PropertyKey[]) => formatPath([...base, ...path, ...more])
  const prefix = subject.file === undefined ? '' : `${subject.file}: `
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((key) => {
      const meant = nearest(key, keysAt(subject.schema, path))
      const remedy = meant === undefined ? undefined : { remedy: `did you mean "${meant}"?` }
      return problems.CONFIG_UNKNOWN_KEY.at(place(key), `${prefix}${place(key)} is not known`, remedy)
    })
  }
  if (issue.code === 'invalid_union' && issue.errors.length > 0) {
    return closestBranch(issue.errors).flatMap((inner) => diagnose(inner, path, subject))
  }
  const value = valueAt(input, path)
  const what = `${prefix}${place() || 'the description'}: ${wordsOf(issue)}`
  // What stands under a name does not make the name wrong.
  if (issue.code === 'invalid_key') return [problems.CONFIG_INVALID.at(place(), what)]
  return [problems.CONFIG_INVALID.at(place(), `${what} (it is ${describe(value)})`, remedyFor(issue, value))]
}

/** The word that was probably meant, where a value must be one of a list. */
function remedyFor(issue: Issue, value: unknown): { readonly remedy: string } | undefined {
  if (issue.code !== 'invalid_value' || typeof value !== 'string') return undefined
  const words = issue.values.filter((word) => typeof word === 'string')
  const meant = nearest(value, words)
  return meant === undefined ? undefined : { remedy: `did you mean "${meant}"?` }
}

/** Of a union's alternatives, the one that was most nearly met: the one whose first complaint lies deepest. */
function closestBranch(branches: readonly (readonly Issue[])[]): readonly Issue[] {
  const depth = (issues: readonly Issue[]) =>
    Math.max(0, ...issues.map((i) => i.path.length + (i.code === 'custom' ? 1 : 0)))
  return branches.toSorted((a, b) => depth(b) - depth(a) || a.length - b.length)[0] ?? []
}

interface JsonSchema {
  readonly properties?: Readonly<Record<string, JsonSchema>>
  readonly additionalProperties?: JsonSchema | boolean
  readonly items?: JsonSchema
  readonly anyOf?: readonly JsonSchema[]
  readonly oneOf?: readonly JsonSchema[]
  readonly allOf?: readonly JsonSchema[]
}

/** The keys that may stand at a place. */
function keysAt(schema: z.ZodType, path: readonly PropertyKey[]): readonly string[] {
  const start = alternatives(jsonSchemaOf(schema))
  const there = path.reduce((schemas, key) => schemas.flatMap((s) => alternatives(step(s, key))), start)
  return [...new Set(there.flatMap((s) => Object.keys(s.properties ?? {})))]
}

const jsonSchemas = new WeakMap<z.ZodType, JsonSchema>()

/** Converting takes some 20 ms, and a description may have many unknown keys. */
function jsonSchemaOf(schema: z.ZodType): JsonSchema {
  const known = jsonSchemas.get(schema)
  if (known) return known
  const made = z.toJSONSchema(schema, { io: 'input', unrepresentable: 'any' }) as JsonSchema
  jsonSchemas.set(schema, made)
  return made
}

function alternatives(schema: JsonSchema | undefined): readonly JsonSchema[] {
  if (!schema) return []
  const inner = [...(schema.anyOf ?? []), ...(schema.oneOf ?? []), ...(schema.allOf ?? [])]
  return [schema, ...inner.flatMap(alternatives)]
}

function step(schema: JsonSchema, key: PropertyKey): JsonSchema | undefined {
  if (typeof key === 'number') return schema.items
  const others = typeof schema.additionalProperties === 'object' ? schema.additionalProperties : undefined
  return schema.properties?.[String(key)] ?? others
}

function valueAt(input: unknown, path: readonly PropertyKey[]): unknown {
  try {
    return path.reduce<unknown>(
      (value, key) => (value as Record<PropertyKey, unknown> | undefined)?.[key],
      input,
    )
  } catch {
    return undefined
  }
}

function describe(value: unknown): string {
  if (value === undefined) return 'missing'
  const text = textOf(value)
  return text.length > 60 ? `${text.slice(0, 57)}…` : text
}

/** As it is written in code; what has no such form, such as a function or an object that holds itself, by its type. */
function textOf(value: unknown): string {
  if (typeof value === 'bigint') return `${value}n`
  if (typeof value === 'number' && !Number.isFinite(value)) return `${value}`
  try {
    return JSON.stringify(value) ?? typeof value
  } catch {
    return typeof value
  }
}

/** The keys of an object that can be read: a getter or a proxy of a config may throw. */
function entriesOf(value: object): readonly (readonly [PropertyKey, unknown])[] {
  const entries = Object.entries(value)
  return Array.isArray(value) ? entries.map(([key, item]) => [Number(key), item]) : entries
}

/**
 * Every text in a description that holds a NUL character, which neither paths nor arguments of programs can hold.
 */
export function diagnoseText(input: unknown, base: readonly PropertyKey[] = []): readonly Diagnostic[] {
  const found: Diagnostic[] = []
  const seen = new Set<object>()
  const walk = (value: unknown, path: readonly PropertyKey[]): void => {
    if (typeof value === 'string' && value.includes('\0'))
      found.push(
        problems.CONFIG_INVALID.at(
          formatPath(path),
          `${formatPath(path)}: a NUL character (it is ${describe(value)})`,
        ),
      )
    if (typeof value !== 'object' || value === null || seen.has(value)) return
    seen.add(value)
    for (const [key, item] of entriesOf(value)) walk(item, [...path, key])
  }
  walk(input, base)
  return found
}
