/** The engine's arguments for a container in which a project is built. Pure. */
import { CACHE_FOLDERS, type ContainerUser, homeOf, SOURCE } from './dockerfile.ts'
import type { Engine } from './engine.ts'
import { LABEL, networkOf } from './image.ts'

export interface ContainerPlan {
  readonly engine: Engine
  readonly image: string
  readonly profile: string
  readonly user: ContainerUser
  /** Folder of the project, seen inside as `/source`, and where it is outside. */
  readonly folder: string
  /** More folders of this computer, read-only inside. */
  readonly mounts?: readonly { readonly from: string; readonly to: string }[]
  /** The engine's network mode. Default: see `networkOf`. */
  readonly network?: string
}

/** One volume a cache, per profile and user, so that compilers' downloads outlive the container. */
export function cacheVolumes({ profile, user }: ContainerPlan): readonly { name: string; to: string }[] {
  return CACHE_FOLDERS.map((folder) => ({
    name: `bringup-${profile}-${user.uid}-${folder.replaceAll(/[^a-z]+/g, '-').replace(/^-/, '')}`,
    to: `${homeOf(user)}/${folder}`,
  }))
}

/** Volumes are made before, with the label by which they are found again. */
export function volumeCommands(plan: ContainerPlan): readonly (readonly string[])[] {
  return cacheVolumes(plan).map(({ name }) => [
    plan.engine.name,
    ...['volume', 'create', `--label=${LABEL}=${plan.profile}`, name],
  ])
}

/**
 * The container that keeps everything else alive: its only program is a `cat` that ends when standard input does, and
 * the container with it. So it dies with bringup, whatever bringup dies of.
 */
export function keeperCommand(plan: ContainerPlan): readonly string[] {
  const { engine, image, folder, mounts = [], network } = plan
  return [
    engine.name,
    ...['run', '--rm', '--interactive', '--init', `--label=${LABEL}=${plan.profile}`],
    ...userArgs(plan),
    ...networkOf(engine, network),
    // Relabelling the source tree would change it for this computer; the label check is switched off instead.
    ...(engine.hasSelinux ? ['--security-opt=label=disable'] : []),
    mount({ type: 'bind', source: folder, target: SOURCE }),
    // Paths find their way into what compilers make, and into their own state: builds see the tree where it really is.
    ...(folder === SOURCE ? [] : [mount({ type: 'bind', source: folder, target: folder })]),
    ...mounts.map(({ from, to }) => mount({ type: 'bind', source: from, target: to, readonly: 'true' })),
    ...cacheVolumes(plan).map(({ name, to }) => mount({ type: 'volume', source: name, target: to })),
    `--workdir=${SOURCE}`,
    image,
    'cat',
  ]
}

/**
 * Inside, the caller has the caller's numbers. A rootless engine maps them: Podman is told to keep them; under rootless
 * Docker root inside is the caller outside.
 */
function userArgs({ engine, user }: ContainerPlan): readonly string[] {
  if (!engine.isRootless) return [`--user=${user.uid}:${user.gid}`]
  return engine.name === 'podman' ? ['--userns=keep-id', `--user=${user.uid}:${user.gid}`] : ['--user=0:0']
}

/** A command beside the keeper. */
export function execCommand(
  { engine }: ContainerPlan,
  container: string,
  run: {
    readonly argv: readonly string[]
    readonly cwd: string
    readonly env?: Readonly<Record<string, string>>
    readonly isInteractive?: boolean
    readonly isTerminal?: boolean
  },
): readonly string[] {
  return [
    engine.name,
    'exec',
    ...(run.isInteractive ? ['--interactive'] : []),
    ...(run.isTerminal ? ['--tty'] : []),
    ...Object.entries(run.env ?? {}).map(([name, value]) => `--env=${name}=${value}`),
    `--workdir=${run.cwd}`,
    container,
    ...run.argv,
  ]
}

/** `--mount` takes comma-separated values in the manner of CSV: a value with a comma is put in double quotes. */
function mount(values: Readonly<Record<string, string>>): string {
  const fields = Object.entries(values).map(([key, value]) => {
    const field = `${key}=${value}`
    return /[",\n]/.test(field) ? `"${field.replaceAll('"', '""')}"` : field
  })
  return `--mount=${fields.join(',')}`
}
