/** Builds a project: finds the profile, asks it for its graph, and runs that. */
import { availableParallelism } from 'node:os'
import { type BuildEvent, type BuildResult, runBuild } from '../build/build.ts'
import type { Executor } from '../build/executor.ts'
import { type BuildGraph, checkGraph } from '../build/graph.ts'
import type { Guardian } from '../build/guardian.ts'
import { outdatedTargets } from '../build/outdated.ts'
import { readStamps, stampsIn } from '../build/stamps.ts'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { buildReaper } from '../processes/reaper.ts'
import { cacheFolder } from './cache-folder.ts'
import type { PlanningRequest } from './planning.ts'
import type { Profile } from './profile.ts'
import { buildFolderOf, buildOptionsOf, chooseRun } from './selection.ts'

export interface BuildingRequest extends PlanningRequest {
  /** Ids of targets; the default ones without it. */
  readonly targets?: readonly string[]
  /** Targets side by side, and jobs of each tool. Default: the CPUs that this process may use. */
  readonly jobs?: number
  readonly keepsGoing?: boolean
  readonly isVerbose?: boolean
  /** Tools may colour what they say. */
  readonly hasColors?: boolean
  readonly onEvent?: (event: BuildEvent) => void
  /** Where commands run. Default: on this computer. */
  readonly executor?: (guardian: Guardian) => Executor
}

/** What would be built. */
export interface PlannedBuild {
  readonly profile: Profile
  readonly graph: BuildGraph
  /** Name of the machine that is to boot it. */
  readonly machine: string
  readonly buildFolder: string
}

/**
 * Asks the profile of a machine how it is built.
 *
 * @returns undefined where the profile has nothing to build
 * @throws BringupError with an unknown machine or profile, wrong options, or a graph that contradicts itself
 */
export async function planBuild(request: BuildingRequest): Promise<PlannedBuild | undefined> {
  const { project, command = [], jobs = availableParallelism(), isVerbose = false } = request
  const { name, profile, machine } = await chooseRun(request)
  const options = buildOptionsOf(profile, request)
  if (!profile.build) return undefined
  const buildFolder = buildFolderOf(project)
  const graph = await profile.build({
    machine,
    machineName: name,
    projectFolder: project.folder,
    buildFolder,
    options,
    jobs,
    isVerbose,
    command,
  })
  if (graph.targets.length === 0) return undefined
  const wrong = checkGraph(graph)
  if (wrong.length > 0) throw new BringupError(wrong)
  return { profile, graph, machine: name, buildFolder }
}

/**
 * What of the last build is older than what it is built from, as far as the profile says what that is.
 *
 * @throws BringupError as `planBuild`
 */
export async function outdatedBuild(request: BuildingRequest): Promise<readonly Diagnostic[]> {
  const planned = await planBuild(request)
  if (!planned) return []
  const { graph, buildFolder } = planned
  const stamps = readStamps(stampsIn(buildFolder))
  return outdatedTargets(graph, { folder: request.project.folder, stamps })
}

/** Colours although no tool writes to a terminal. Sources: cargo's manual; bixense.com/clicolors. */
const COLORS = { CARGO_TERM_COLOR: 'always', CLICOLOR_FORCE: '1' } as const

/**
 * Builds what the profile of a machine boots.
 *
 * @returns undefined where the profile has nothing to build; a failed command is in the result
 * @throws BringupError when nothing was started
 * @example
 * const built = await buildProject({ project: await loadProject({ cwd: '.' }) })
 * if (built?.result === 'failed') console.log(built.diagnostics[0]?.what)
 */
export async function buildProject(request: BuildingRequest): Promise<BuildResult | undefined> {
  const planned = await planBuild(request)
  if (!planned) return undefined
  const { project, targets, keepsGoing, hasColors, onEvent, executor } = request
  const { signal = new AbortController().signal } = request
  const reaper =
    executor === undefined ? await buildReaper({ cacheFolder: cacheFolder(), signal }) : undefined
  return runBuild({
    graph: planned.graph,
    folder: project.folder,
    buildFolder: planned.buildFolder,
    jobs: request.jobs ?? availableParallelism(),
    signal,
    ...(reaper === undefined ? {} : { reaper }),
    ...(targets === undefined ? {} : { targets }),
    ...(keepsGoing === undefined ? {} : { keepsGoing }),
    ...(hasColors ? { env: COLORS } : {}),
    ...(onEvent === undefined ? {} : { onEvent }),
    ...(executor === undefined ? {} : { executor }),
    ...(planned.profile.dependencies?.some((set) => set.name === 'build')
      ? { setupCommand: `bringup setup build --profile ${planned.profile.name}` }
      : {}),
  })
}
