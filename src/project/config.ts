/** Loads and checks `bringup.config`. */
import { readFileSync, statSync } from 'node:fs'
import { basename, join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { z } from 'zod'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { diagnoseIssues, diagnoseText, problems as issueProblems } from '../machine/schema-issues.ts'
import type { RackInput } from '../rack/rack-schema.ts'
import { cacheFolder } from './cache-folder.ts'
import { configFileSchema, configSchema } from './config-schema.ts'
import { findJsonError } from './json-text.ts'
import type { Profile } from './profile.ts'

/** A config as it is written. `profiles` are code, and therefore not part of the schema for data. */
export interface ConfigInput extends z.input<typeof configSchema> {
  readonly profiles?: readonly Profile[]
}
export type BringupConfig = z.output<typeof configSchema> & {
  readonly profiles: readonly Profile[]
  /** Racks as they are written: a sweep changes parts of them. */
  readonly writtenRacks: Readonly<Record<string, RackInput>>
}

export const problems = defineDiagnostics({
  CONFIG_UNREADABLE: {
    title: 'The config file cannot be read.',
    why: 'the machines are described in it',
    remedy: 'make it a plain file that this user can read, or name another with --project',
  },
  CONFIG_SYNTAX: {
    title: 'The config file is not valid TypeScript, JavaScript or JSON.',
    why: 'bringup cannot use a file that does not parse',
    remedy: 'fix it at the line shown; JSON allows neither comments nor a comma after the last entry',
  },
  CONFIG_THREW: {
    title: 'The code of the config file threw an error.',
    why: 'a config is a program, and its code failed',
    remedy: 'fix it at the line shown',
  },
  CONFIG_EXPORTS_NOTHING: {
    title: 'The config file has no default export that is an object.',
    why: 'bringup reads the machines from the default export',
    remedy:
      "write: export default defineConfig({ machines: { … } }), with defineConfig imported from 'bringup'",
  },
})

/**
 * Loads and checks one config file.
 *
 * @throws BringupError with every problem that was found
 */
export async function loadConfig(file: string): Promise<BringupConfig> {
  const text = readConfig(file)
  const written = file.endsWith('.json') ? parseJson(file, text) : (await runModule(file)).exported
  if (typeof written !== 'object' || written === null || Array.isArray(written)) {
    throw new BringupError([
      problems.CONFIG_EXPORTS_NOTHING.at('', `${file} exports ${describeValue(written)}`),
    ])
  }
  try {
    return checkConfig(written as Record<string, unknown>, file)
  } catch (cause) {
    if (cause instanceof BringupError) throw cause
    // A getter or a proxy in the config threw when its value was read.
    throw explain(file, cause)
  }
}

function checkConfig(written: Readonly<Record<string, unknown>>, file: string): BringupConfig {
  const { profiles, $schema: _, ...data } = written
  const parsed = configSchema.safeParse(data)
  const ofSchema = parsed.success
    ? []
    : diagnoseIssues(parsed.error.issues, { schema: configFileSchema, input: data, file: basename(file) })
  const wrong = [...ofSchema, ...diagnoseText(data), ...checkProfiles(profiles)]
  if (wrong.length > 0 || !parsed.success) throw new BringupError(wrong)
  return {
    ...parsed.data,
    profiles: (profiles ?? []) as readonly Profile[],
    writtenRacks: (data.racks ?? {}) as BringupConfig['writtenRacks'],
  }
}

/** Profiles are code and no part of the schema: what every one of them must have. */
function checkProfiles(profiles: unknown): readonly Diagnostic[] {
  if (profiles === undefined) return []
  const wrong = (path: string, what: string) => [
    issueProblems.CONFIG_INVALID.at(path, `${path}: ${what}`, {
      remedy: 'make profiles with `defineProfile`, `linuxProfile`, `debianProfile` or `nrkProfile`',
    }),
  ]
  if (!Array.isArray(profiles))
    return wrong('profiles', `a list of profiles is needed (it is ${describeValue(profiles)})`)
  return profiles.flatMap((profile: unknown, index) => {
    const { name, prepare, defaults, judgement } = (profile ?? {}) as Partial<Profile>
    const isProfile =
      typeof name === 'string' &&
      typeof prepare === 'function' &&
      typeof defaults === 'object' &&
      typeof judgement === 'object'
    return isProfile ? [] : wrong(`profiles[${index}]`, 'this is no profile')
  })
}

function describeValue(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  return value === undefined || value === null ? 'nothing by default' : `a ${typeof value}`
}

/** Far more than a person writes. */
const LONGEST_CONFIG = 16 * 1024 * 1024

/** @throws BringupError CONFIG_UNREADABLE, also for a pipe or a device, which might never end */
function readConfig(file: string): string {
  try {
    const stats = statSync(file)
    if (!stats.isFile()) throw new Error(`${file} is not a plain file`)
    if (stats.size > LONGEST_CONFIG) throw new Error(`${file} has ${stats.size} bytes`)
    return readFileSync(file, 'utf8')
  } catch (cause) {
    throw new BringupError([problems.CONFIG_UNREADABLE.at('', (cause as Error).message)], { cause })
  }
}

function parseJson(file: string, text: string): unknown {
  try {
    return JSON.parse(text)
  } catch (cause) {
    const at = findJsonError(text)
    const where = at ? `${file}:${at.line}:${at.column}` : file
    const evidence = at ? pointAt(text, at.line, at.column) : []
    throw new BringupError([problems.CONFIG_SYNTAX.at('', `${where}: not valid JSON`, { evidence })], {
      cause,
    })
  }
}

/** Wrapped, since a promise looks into the value that it resolves with, which may be a proxy that throws. */
async function runModule(file: string): Promise<{ readonly exported: unknown }> {
  // Loaded only here: a project without a config, or with a JSON one, does not pay for it.
  const [{ createJiti }, api] = await Promise.all([import('jiti'), import('./config-api.ts')])
  const jiti = createJiti(pathToFileURL(file).href, {
    fsCache: join(cacheFolder(), 'config'),
    moduleCache: false,
    interopDefault: false,
    virtualModules: { bringup: api },
  })
  try {
    return { exported: (await jiti.import<{ default?: unknown }>(file)).default }
  } catch (cause) {
    if (cause instanceof BringupError) throw cause
    throw explain(file, cause)
  }
}

/** Turns what a config threw into one finding that names the line, without the loader's stack. */
function explain(file: string, cause: unknown): BringupError {
  const error = cause instanceof Error ? cause : new Error(String(cause))
  const syntax = /\((\d+):(\d+)\)\s*$/m.exec(error.message) ?? /:(\d+):(\d+)\s*$/m.exec(error.message)
  const isSyntax = error.name === 'SyntaxError' || error.message.startsWith('ParseError')
  const place = (isSyntax ? syntax : undefined) ?? placeInStack(error.stack ?? '', file)
  // Babel, jiti's parser, counts columns from 0.
  const isFromZero = isSyntax && syntax !== null && error.message.startsWith('ParseError')
  const [line, column] = [Number(place?.[1] ?? 0), Number(place?.[2] ?? 0) + (isFromZero ? 1 : 0)]
  const message = (error.message.split('\n')[0] ?? '')
    .replace(/^.*ParseError:\s*/, '')
    .replace(/\s*\(?[^\s(]*\d+:\d+\)?\s*$/, '')
    .trimEnd()
  const where = line > 0 ? `${file}:${line}:${column}` : file
  const evidence = line > 0 ? pointAt(readFileSync(file, 'utf8'), line, column) : []
  const kind = isSyntax ? problems.CONFIG_SYNTAX : problems.CONFIG_THREW
  return new BringupError([kind.at('', `${where}: ${message || error.message}`, { evidence })], { cause })
}

function placeInStack(stack: string, file: string): RegExpExecArray | undefined {
  const frame = stack.split('\n').find((line) => line.includes(file))
  return (frame && /:(\d+):(\d+)\)?\s*$/.exec(frame)) || undefined
}

function pointAt(text: string, line: number, column: number): readonly string[] {
  const words = text.split('\n')[line - 1]
  return words === undefined
    ? []
    : [`${line} | ${words}`, `${' '.repeat(`${line} | `.length + Math.max(0, column - 1))}^`]
}
