/**
 * What a config said the last time it ran, as data: names of machines, options of the build. Help and completion read
 * it, since neither may run a program in the current folder on TAB.
 */
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../own-files.ts'
import { cacheFolder } from './cache-folder.ts'
import type { Profile } from './profile.ts'
import type { Project } from './project.ts'

/** What is kept of a profile: enough to say its options. */
type ProfileOutline = Pick<Profile, 'name' | 'summary' | 'source' | 'dependencies' | 'buildOptions'> & {
  readonly flags?: Omit<NonNullable<Profile['machineFlags']>, 'toMachine'>
}

interface Outline {
  readonly state: string
  readonly project: Omit<Project, 'profiles'>
  readonly profiles: readonly ProfileOutline[]
}

/** The project as the config said it last; undefined when it never ran, or has changed since. Its profiles build nothing. */
export function readOutline(configFile: string): Project | undefined {
  try {
    const { state, project, profiles } = JSON.parse(readFileSync(pathOf(configFile), 'utf8')) as Outline
    if (state !== stateOf(configFile)) return undefined
    return { ...project, profiles: profiles.map(profileOf) }
  } catch {
    return undefined
  }
}

/** Keeps what a config said. One that cannot be kept is missing in help and completion only. */
export function keepOutline(configFile: string, { profiles, ...project }: Project): void {
  try {
    const path = pathOf(configFile)
    const outline: Outline = { state: stateOf(configFile), project, profiles: profiles.map(outlineOf) }
    const text = JSON.stringify(outline)
    if (text === readOr(path)) return
    writeWhole(path, text)
  } catch {
    // Without a cache there is nothing to complete from.
  }
}

function pathOf(configFile: string): string {
  return join(cacheFolder(), 'outlines', `${encodeURIComponent(configFile).slice(-200)}.json`)
}

function readOr(path: string): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return undefined
  }
}

function stateOf(configFile: string): string {
  const { ino, size, mtimeMs } = statSync(configFile)
  return [configFile, ino, size, mtimeMs].join(' ')
}

function outlineOf({
  name,
  summary,
  source,
  dependencies,
  buildOptions,
  machineFlags,
}: Profile): ProfileOutline {
  return {
    name,
    summary,
    ...(source === undefined ? {} : { source }),
    ...(dependencies === undefined ? {} : { dependencies }),
    ...(buildOptions === undefined ? {} : { buildOptions }),
    ...(machineFlags === undefined
      ? {}
      : { flags: { title: machineFlags.title, specs: machineFlags.specs } }),
  }
}

function profileOf({ flags, ...outline }: ProfileOutline): Profile {
  return {
    ...outline,
    ...(flags === undefined ? {} : { machineFlags: { ...flags, toMachine: () => ({}) } }),
    defaults: {},
    judgement: { exitCodes: {}, panicPatterns: [], onPowerOff: 'failed', onReset: 'stop' },
    hasShell: false,
    verifiesByDefault: false,
    prepare: async () => ({ machine: {} }),
  }
}
