/** What the commands that work in a container share: which engine, which image, and the container itself. */

import { existsSync, readFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Container, startContainer } from '../containers/container.ts'
import type { ContainerRecipe, ContainerUser } from '../containers/dockerfile.ts'
import { ENGINE_NAMES, type Engine, type EngineName, findEngine } from '../containers/engine.ts'
import { ensureImage, type ImageRequest } from '../containers/image.ts'
import { ownMounts } from '../containers/own-mounts.ts'
import { recipeOf } from '../containers/recipe.ts'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { type ContainerConfig, containerSchema } from '../project/container-schema.ts'
import type { PlanningRequest } from '../project/planning.ts'
import type { Profile } from '../project/profile.ts'
import { chooseRun } from '../project/selection.ts'
import type { DependencySet } from '../setup/dependency.ts'
import { readToolchainFile } from '../setup/kinds/rust-toolchain.ts'
import { setsOf } from '../setup/sets.ts'
import type { Invocation, OptionSpec } from './command.ts'

export const problems = defineDiagnostics({
  CONTAINER_SET_UNKNOWN: {
    title: 'The profile has no dependency set of that name.',
    why: 'the image is made from sets of the profile',
    remedy: '`bringup setup --list` shows them',
  },
})

/** Options of everything that uses a container; they win over `container` of the config file. */
export const CONTAINER_OPTIONS: readonly OptionSpec[] = [
  { flags: '--base <image>', description: 'image to start from (default: ubuntu:24.04)' },
  {
    flags: '--engine <name>',
    description: 'container engine (default: the first that works)',
    choices: ENGINE_NAMES,
  },
  { flags: '--network <mode>', description: 'network mode of the container, as the engine names it' },
  {
    flags: '--set <name>',
    description: 'dependency set to include in the image (default: all but run and test)',
    isRepeatable: true,
  },
]

/** Everything that is decided before the engine does anything. */
export interface ContainerSession {
  readonly engine: Engine
  readonly profile: Profile
  readonly folder: string
  readonly request: ImageRequest
}

/** @throws BringupError with the reason of every engine that does not work, or unknown sets */
export async function openSession(invocation: Invocation, run: PlanningRequest): Promise<ContainerSession> {
  const { options, output, signal } = invocation
  const config = configOf(run.project.container, options)
  const engine = await findEngine(signal, config.engine)
  const { profile, recipe } = await chooseRecipe(invocation, run, userOf(engine))
  const { folder } = run.project
  const request: ImageRequest = {
    engine,
    profile: profile.name,
    recipe,
    ...(config.network === undefined ? {} : { network: config.network }),
    isForced: options.forceBuild === true,
    signal,
    onLine: (line) => output.progress(output.errorColors.dim(`│ ${line}`)),
  }
  return { engine, profile, folder, request }
}

/** Makes the image if need be, and starts a container of it. Dispose of it to end it. */
export async function startSession({
  engine,
  folder,
  request,
}: ContainerSession): Promise<{ readonly container: Container; readonly image: string }> {
  const { image } = await ensureImage(request)
  const { profile, network, signal } = request
  const plan = {
    engine,
    image,
    profile,
    folder,
    user: request.recipe.user,
    mounts: ownMounts(),
    ...(network === undefined ? {} : { network }),
  }
  return { container: await startContainer(plan, signal), image }
}

/**
 * What the image is made of. No engine takes part.
 *
 * @param user Default: this user, as with every engine but rootless Docker.
 * @throws BringupError with every unknown set
 */
export async function chooseRecipe(
  { options }: Invocation,
  run: PlanningRequest,
  user: ContainerUser = thisUser(),
): Promise<{ readonly profile: Profile; readonly recipe: ContainerRecipe }> {
  const { base, sets, packages } = configOf(run.project.container, options)
  const { profile } = await chooseRun({ ...run, command: [] })
  const recipe = recipeOf({
    base,
    user,
    sets: [...chooseSets(profile, sets), extraSet(packages)],
    ...toolchainOf(run.project.folder),
  })
  return { profile, recipe }
}

function configOf(config: ContainerConfig | undefined, options: Invocation['options']): ContainerConfig {
  const given = Object.entries({
    base: options.base,
    engine: options.engine as EngineName | undefined,
    network: options.network,
    sets: options.set,
  }).filter(([, value]) => value !== undefined)
  return containerSchema.parse({ ...config, ...Object.fromEntries(given) })
}

/** Under rootless Docker, root inside is this user outside. */
function userOf(engine: Engine): ContainerUser {
  if (engine.name === 'docker' && engine.isRootless) return { name: 'root', uid: 0, gid: 0 }
  return thisUser()
}

function thisUser(): ContainerUser {
  return { name: nameOfUser(), uid: process.getuid?.() ?? 0, gid: process.getgid?.() ?? 0 }
}

/** In containers and on clusters a user may have a number and no entry in /etc/passwd. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return 'user'
  }
}

/** Running guests and tests belongs on this computer; everything else is part of building. */
const OUTSIDE = ['run', 'test']

function chooseSets(profile: Profile, named: readonly string[] | undefined): readonly DependencySet[] {
  const sets = setsOf(profile)
  if (named === undefined) return sets.filter((set) => !OUTSIDE.includes(set.name))
  const unknown = named.filter((name) => !sets.some((set) => set.name === name))
  if (unknown.length > 0)
    throw new BringupError(
      unknown.map((name) =>
        problems.CONTAINER_SET_UNKNOWN.at(
          'container.sets',
          `"${name}" is unknown; the sets are: ${sets.map((s) => s.name).join(', ')}`,
        ),
      ),
    )
  return sets.filter((set) => named.includes(set.name))
}

function extraSet(packages: readonly string[]): DependencySet {
  return {
    name: 'config',
    summary: '',
    dependencies: packages.map((name) => ({
      kind: 'package',
      packages: name,
      why: 'the config file names it',
    })),
  }
}

function toolchainOf(folder: string): Pick<Parameters<typeof recipeOf>[0], 'toolchain'> {
  const toolchain = readToolchainFile(folder, (path) =>
    existsSync(path) ? readFileSync(path, 'utf8') : undefined,
  )
  return toolchain ? { toolchain } : {}
}
