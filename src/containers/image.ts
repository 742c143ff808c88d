/** The image of a recipe: named after its content, so that a changed dependency is another image. */
import { createHash } from 'node:crypto'
import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { PACKAGE_FOLDER } from '../package-folder.ts'
import { type ContainerRecipe, dockerfile, RUSTUP_DIGEST } from './dockerfile.ts'
import type { Engine } from './engine.ts'

export const problems = defineDiagnostics({
  CONTAINER_BUILD_FAILED: {
    title: 'The image could not be built.',
    why: 'the engine’s last lines are the evidence',
    remedy:
      'fix the error below; `bringup container build --print` shows the Dockerfile. If a host name cannot be resolved, try --network host',
  },
  CONTAINER_BASE_MISSING: {
    title: 'The base image is not on this computer and could not be downloaded.',
    why: 'the engine downloads the base image from a registry unless this computer has it',
    remedy:
      'check the name and the network, or choose another with --base; `docker image ls` lists local images',
  },
})

/** Label of every image that bringup makes, by which `remove` finds them. */
export const LABEL = 'org.bringup.profile'

const ADD_USER = join(PACKAGE_FOLDER, 'src/containers/add-user.sh')

/** `bringup-nrk:1f0c…`: the tag is a hash of everything that goes in. */
export function imageName(profile: string, recipe: ContainerRecipe): string {
  const hash = createHash('sha256').update(dockerfile(recipe)).update(readFileSync(ADD_USER)).digest('hex')
  return `bringup-${profile.toLowerCase().replaceAll(/[^a-z0-9_.-]/g, '-')}:${hash.slice(0, 16)}`
}

export interface ImageRequest {
  readonly engine: Engine
  readonly profile: string
  readonly recipe: ContainerRecipe
  /** The engine's network mode for the build: `host`. Default: see `networkOf`. */
  readonly network?: string
  /** Build although it is there, and take nothing from the engine's cache. */
  readonly isForced?: boolean
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
}

/**
 * Makes the image if it is not there.
 *
 * @returns its name, and whether it was there
 * @throws BringupError CONTAINER_BUILD_FAILED, CONTAINER_BASE_MISSING
 */
export async function ensureImage(
  request: ImageRequest,
): Promise<{ readonly image: string; readonly wasThere: boolean }> {
  const { engine, profile, recipe, signal, isForced = false } = request
  const image = imageName(profile, recipe)
  if (!isForced && (await hasImage(engine, image, signal))) return { image, wasThere: true }
  const folder = mkdtempSync(join(tmpdir(), 'bringup-image-'))
  try {
    writeFileSync(join(folder, 'Dockerfile'), dockerfile(recipe))
    writeFileSync(join(folder, 'rustup-init.sha256'), RUSTUP_DIGEST)
    copyFileSync(ADD_USER, join(folder, 'add-user.sh'))
    await build(request, image, folder)
    return { image, wasThere: false }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** Without a network of its own an engine can still lend that of this computer. */
export function networkOf(engine: Engine, named: string | undefined): readonly string[] {
  if (named !== undefined) return [`--network=${named}`]
  return engine.hasOwnNetwork ? [] : ['--network=host']
}

/** The command that builds, as it is run; `context` is the folder with the Dockerfile. */
export function buildCommand(request: ImageRequest, image: string, context: string): readonly string[] {
  const { engine, profile, network, isForced } = request
  return [
    engine.name,
    'build',
    ...networkOf(engine, network),
    ...(isForced ? ['--no-cache'] : []),
    `--label=${LABEL}=${profile}`,
    `--tag=${image}`,
    context,
  ]
}

async function hasImage({ name }: Engine, image: string, signal: AbortSignal): Promise<boolean> {
  const { exitCode } = await execa(name, ['image', 'inspect', image], {
    reject: false,
    cancelSignal: signal,
    stdout: 'ignore',
  })
  signal.throwIfAborted()
  return exitCode === 0
}

const EVIDENCE_LINES = 30

/** What engines say when a registry has no such image, or cannot be reached. */
const NO_BASE =
  /pull access denied|manifest unknown|manifest for .* not found|failed to resolve source metadata|error pulling|Get "https?:\/\/[^"]*\/v2\/|unable to copy from source|initializing source/i

async function build(request: ImageRequest, image: string, folder: string): Promise<void> {
  const { signal, recipe } = request
  const [program = '', ...args] = buildCommand(request, image, folder)
  const last: string[] = []
  const child = execa(program, args, {
    reject: false,
    cancelSignal: signal,
    all: true,
    buffer: false,
    stdin: 'ignore',
  })
  for await (const line of child.iterable({ from: 'all' })) {
    last.push(line)
    if (last.length > EVIDENCE_LINES) last.shift()
    request.onLine(line)
  }
  const { failed, exitCode } = await child
  signal.throwIfAborted()
  if (!failed) return
  const isBase = last.some((line) => NO_BASE.test(line))
  const kind = isBase ? problems.CONTAINER_BASE_MISSING : problems.CONTAINER_BUILD_FAILED
  const what = isBase
    ? `"${recipe.base}" could not be downloaded`
    : `${program} build ended with code ${exitCode}`
  throw new BringupError([kind.at('', what, { evidence: last })])
}

/** Images and volumes of a profile, by name; what `remove` removes. */
export async function listImages(
  { name }: Engine,
  profile: string,
  signal: AbortSignal,
): Promise<{ readonly images: readonly string[]; readonly volumes: readonly string[] }> {
  const ask = async (...args: string[]) => {
    const { stdout } = await execa(name, args, { cancelSignal: signal })
    return [...new Set(stdout.split('\n').filter(Boolean))]
  }
  const filter = `label=${LABEL}=${profile}`
  const [images, volumes] = await Promise.all([
    ask('image', 'ls', '--filter', filter, '--format', '{{.Repository}}:{{.Tag}}'),
    ask('volume', 'ls', '--filter', filter, '--format', '{{.Name}}'),
  ])
  return { images, volumes }
}

/** The command that removes them; undefined when there are none. */
export function removeCommands(
  { name }: Engine,
  { images, volumes }: { readonly images: readonly string[]; readonly volumes: readonly string[] },
): readonly (readonly string[])[] {
  return [
    ...(images.length > 0 ? [[name, 'image', 'rm', '--force', ...images]] : []),
    ...(volumes.length > 0 ? [[name, 'volume', 'rm', ...volumes]] : []),
  ]
}
