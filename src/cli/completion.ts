/**
 * Completion: thin scripts that ask `bringup completion words -- WORDS…` what may stand at the end, so that one answer,
 * made from the commands themselves, serves every shell.
 */

import type { Project } from '../project/project.ts'
import { listRuns } from '../runs/record.ts'
import { journalFolder, listOperations } from '../steps/journal.ts'
import type { ArgumentSpec, Command, OptionSpec, Peek, ValueSource } from './command.ts'
import { COMMANDS } from './commands.ts'
import { GLOBAL_OPTIONS } from './help.ts'
import { peekValue } from './peek.ts'

export const SHELLS = ['bash', 'zsh', 'fish'] as const
export type Shell = (typeof SHELLS)[number]

type LoadProject = () => Promise<Project>

/** A word that may stand there, and what it is for. */
export interface Candidate {
  readonly word: string
  readonly description: string
}

/**
 * Words that may stand where the last one stands (which may be empty).
 * No answer (an empty list) lets the shell offer files.
 */
export async function candidates(
  words: readonly string[],
  project: LoadProject,
): Promise<readonly Candidate[]> {
  const last = words.at(-1) ?? ''
  const all = await everyCandidate(words.slice(0, -1), last, project)
  return all.filter(({ word }) => word.startsWith(last))
}

/** One candidate a line. With descriptions, which zsh and fish show, a tab stands between the two. */
export function formatCandidates(found: readonly Candidate[], isDescribed: boolean): string {
  const line = ({ word, description }: Candidate) =>
    isDescribed && description !== '' ? `${word}\t${description.split('\n')[0]}` : word
  return found.map((candidate) => `${line(candidate)}\n`).join('')
}

const plain = (words: readonly string[]): readonly Candidate[] =>
  words.map((word) => ({ word, description: '' }))

async function everyCandidate(
  before: readonly string[],
  last: string,
  project: LoadProject,
): Promise<readonly Candidate[]> {
  const { command, options, operands } = await whereAmI(before, project)
  const open = options.find((o) => isNamed(o, before.at(-1)))
  if (open?.flags.includes('<')) return plain(await values(open, project))
  if (last.startsWith('-'))
    return [
      ...options.filter((o) => !o.isHidden).map((o) => ({ word: longName(o), description: o.description })),
      { word: '--help', description: 'show the help of this command' },
    ]
  if (!command) return COMMANDS.map(({ name, summary }) => ({ word: name, description: summary }))
  const argument = command.arguments?.[operands] ?? command.arguments?.findLast((a) => a.name.includes('...'))
  return [
    ...Object.entries(operands === 0 ? (command.subcommands ?? {}) : {})
      .filter(([, { isHidden }]) => isHidden !== true)
      .map(([word, { summary }]) => ({
        word,
        description: summary,
      })),
    ...plain(argument ? await values(argument, project) : []),
  ]
}

interface Place {
  readonly command?: Command
  readonly options: readonly OptionSpec[]
  /** How many positional arguments stand before. */
  readonly operands: number
}

async function whereAmI(before: readonly string[], project: LoadProject): Promise<Place> {
  const peek = { valueOf: (...names: readonly string[]) => peekValue(before, names), project }
  let place: Place = { options: GLOBAL_OPTIONS, operands: 0 }
  for (const [index, word] of before.entries()) {
    const isValue =
      index > 0 && place.options.some((o) => o.flags.includes('<') && isNamed(o, before[index - 1]))
    if (word.startsWith('-') || isValue) continue
    const below = place.command
      ? place.command.subcommands?.[word]
      : (await COMMANDS.find((e) => e.name === word)?.load())?.command
    place = below
      ? { command: below, options: await optionsOf(below, peek), operands: 0 }
      : { ...place, operands: place.operands + 1 }
  }
  return place
}

async function optionsOf(command: Command, peek: Peek): Promise<readonly OptionSpec[]> {
  const more = (await command.moreOptions?.(peek)) ?? []
  return [...(command.options ?? []), ...more, ...GLOBAL_OPTIONS]
}

async function values(spec: OptionSpec | ArgumentSpec, project: LoadProject): Promise<readonly string[]> {
  if (spec.choices) return spec.choices.filter((choice) => choice !== 'words')
  return spec.from === undefined ? [] : namesFrom(spec.from, project)
}

async function namesFrom(source: ValueSource, project: LoadProject): Promise<readonly string[]> {
  if (source === 'files' || source === 'folders') return []
  if (source === 'operations') return listOperations(journalFolder()).map((o) => o.id)
  if (source === 'qemus') {
    const { installedQemus } = await import('../qemus/installed.ts')
    return ['system', ...installedQemus().map(({ name }) => name)]
  }
  try {
    const loaded = await project()
    if (source === 'machines') return Object.keys(loaded.machines)
    if (source === 'racks') return Object.keys(loaded.racks)
    if (source === 'sweeps') return Object.keys(loaded.sweeps ?? {})
    if (source === 'sweep records') {
      const { listSweeps } = await import('../sweeps/record.ts')
      return ['last', ...listSweeps(loaded.stateFolder).map(({ id }) => id)]
    }
    if (source === 'targets') {
      const { planBuild } = await import('../project/building.ts')
      return (await planBuild({ project: loaded }))?.graph.targets.map((t) => t.id) ?? []
    }
    if (source === 'runs') return ['last', ...listRuns(loaded.stateFolder).map((r) => r.id)]
    if (source === 'running') {
      const running = listRuns(loaded.stateFolder).filter(({ verdict }) => verdict === 'running')
      return [
        ...new Set(
          running.flatMap(({ label, guests }) => [...(label === undefined ? [] : [label]), ...guests]),
        ),
      ]
    }
    if (source === 'states' || source === 'named states') return await statesOf(loaded, source)
    if (source === 'stores') {
      const { storeName, storesIn } = await import('../stores/place.ts')
      return storesIn(loaded.stateFolder).flatMap((path) => storeName(path, loaded) ?? [])
    }
    if (source === 'sets') {
      const { profileOf } = await import('../project/selection.ts')
      const { setsOf } = await import('../setup/sets.ts')
      const machine = loaded.machines[loaded.defaultMachine] ?? {}
      return setsOf(await profileOf(loaded, machine)).map((set) => set.name)
    }
    const { BUILT_IN_NAMES, findProfile } = await import('../project/profiles/index.ts')
    const names = [...new Set([...loaded.profiles.map((profile) => profile.name), ...BUILT_IN_NAMES])]
    if (source === 'profiles') return names
    const profiles = await Promise.all(names.map((name) => findProfile(name, loaded)))
    return profiles.flatMap((profile) => (profile.source === undefined ? [] : profile.name))
  } catch {
    // A broken config has its message when the command runs; the shell wants none.
    return []
  }
}

/** Names of states, then keys of those of the cache. */
async function statesOf(
  { stateFolder }: Project,
  source: 'states' | 'named states',
): Promise<readonly string[]> {
  const [{ keptStates }, { namedStates }, { statesFolder }, { cacheFolder }] = await Promise.all([
    import('../states/kept.ts'),
    import('../states/named.ts'),
    import('../states/origin.ts'),
    import('../project/cache-folder.ts'),
  ])
  const kept = source === 'states' ? keptStates(statesFolder(cacheFolder())) : []
  return [...namedStates(stateFolder), ...kept].map(({ key }) => key)
}

function longName(option: OptionSpec): string {
  return /--[\w-]+/.exec(option.flags)?.[0] ?? option.flags
}

function isNamed(option: OptionSpec, word: string | undefined): boolean {
  return word !== undefined && (word === longName(option) || word === /^-\w/.exec(option.flags)?.[0])
}

const BASH = `# bash completion of bringup
_bringup() {
  local IFS=$'\\n'
  COMPREPLY=($(bringup completion words -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _bringup bringup
`

const ZSH = `#compdef bringup
_bringup() {
  local -a found
  found=("\${(@f)$(bringup completion words --describe -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -z "\${found[*]}" ]]; then _files; return; fi
  # _describe takes word:description; colons within words are escaped.
  found=("\${(@)found//:/\\\\:}")
  found=("\${(@)found/$'\\t'/:}")
  _describe 'bringup' found
}
if [[ "\${funcstack[1]}" = _bringup ]]; then _bringup "$@"; else compdef _bringup bringup; fi
`

const FISH = `# fish completion of bringup
function __bringup_words
    bringup completion words --describe -- (commandline -opc)[2..-1] (commandline -ct) 2>/dev/null
end
complete -c bringup -f -a '(__bringup_words)'
complete -c bringup -n 'test -z "$(__bringup_words)"' -F
`

export function completionScript(shell: Shell): string {
  return { bash: BASH, zsh: ZSH, fish: FISH }[shell]
}
