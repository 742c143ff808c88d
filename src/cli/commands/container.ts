/** `bringup container`: an image with every build dependency, and a shell or a command in it. */

import { execa } from 'execa'
import { dockerfile } from '../../containers/dockerfile.ts'
import { ensureImage, imageName, listImages, removeCommands } from '../../containers/image.ts'
import { quoteCommand } from '../../quote.ts'
import type { Command, Invocation, OptionSpec } from '../command.ts'
import { CONTAINER_OPTIONS, chooseRecipe, openSession, startSession } from '../container-session.ts'
import { requestOf } from '../plan-invocation.ts'
import { usageError } from '../usage.ts'

const OPTIONS: readonly OptionSpec[] = [
  { flags: '--profile <name>', description: 'operating system profile', from: 'profiles' },
  ...CONTAINER_OPTIONS,
]

const FORCE: OptionSpec = {
  flags: '--force-build',
  description: 'rebuild the image without the engine’s cache',
}

export const command: Command = {
  summary: 'build in a container with every build dependency',
  description:
    'The image contains the dependency sets that `bringup setup` installs, and is rebuilt when they change. In the container the source tree is at /source, and your user owns what you create.',
  examples: [
    { command: 'bringup container shell', says: 'a shell in the source tree, with everything installed' },
    { command: 'bringup container run -- make', says: 'one command' },
    { command: 'bringup build --container', says: 'build in the container; everything else stays the same' },
  ],
  subcommands: {
    build: {
      summary: 'build the image, unless it is up to date',
      options: [
        ...OPTIONS,
        FORCE,
        { flags: '--print', description: 'print the Dockerfile and exit; needs no container engine' },
      ],
      examples: [
        { command: 'bringup container build', says: 'build the image' },
        { command: 'bringup container build --print --base debian:12', says: 'the Dockerfile' },
      ],
      run: build,
    },
    shell: {
      summary: 'a shell in the container',
      options: [...OPTIONS, FORCE],
      examples: [{ command: 'bringup container shell', says: 'leave it with `exit`' }],
      run: (invocation) => attach(invocation, ['bash']),
    },
    run: {
      summary: 'run one command in the container, and return its exit code',
      options: [...OPTIONS, FORCE],
      rest: 'the command',
      examples: [
        { command: 'bringup container run -- cargo --version', says: 'the compiler in the container' },
      ],
      run: (invocation) => {
        const { rest = [] } = invocation
        if (rest.length === 0) throw usageError('a command has to follow --')
        return attach(invocation, rest)
      },
    },
    remove: {
      summary: 'remove the images and caches of the profile',
      options: [
        ...OPTIONS,
        { flags: '--stale', description: 'only outdated images; caches are kept' },
        { flags: '--dry-run', description: 'print the commands, and remove nothing' },
      ],
      examples: [{ command: 'bringup container remove --stale', says: 'free space' }],
      run: remove,
    },
  },
}

async function build(invocation: Invocation): Promise<number> {
  const { options, output } = invocation
  const request = await requestOf(invocation, OPTIONS)
  if (options.print === true) {
    const { profile, recipe } = await chooseRecipe(invocation, request)
    const text = dockerfile(recipe)
    output.json({ image: imageName(profile.name, recipe), dockerfile: text })
    if (!output.isJson) output.raw(`${text.trimEnd()}\n`)
    return 0
  }
  const session = await openSession(invocation, request)
  const made = await ensureImage(session.request)
  output.json({ engine: session.engine.name, ...made })
  output.print(made.wasThere ? `${made.image} is up to date` : `made ${made.image}`)
  return 0
}

async function attach(invocation: Invocation, argv: readonly string[]): Promise<number> {
  const session = await openSession(invocation, await requestOf(invocation, OPTIONS))
  const { container } = await startSession(session)
  await using _ = container
  return await container.attach({ argv }, process.stdin.isTTY === true && process.stdout.isTTY === true)
}

async function remove(invocation: Invocation): Promise<number> {
  const { options, output, signal } = invocation
  const session = await openSession(invocation, await requestOf(invocation, OPTIONS))
  const { engine, profile, request } = session
  const found = await listImages(engine, profile.name, signal)
  const current = imageName(profile.name, request.recipe)
  const chosen =
    options.stale === true
      ? { images: found.images.filter((image) => image !== current), volumes: [] }
      : found
  const commands = removeCommands(engine, chosen)
  for (const command of commands) output.note(output.errorColors.dim(`$ ${quoteCommand(command).join(' ')}`))
  if (options.dryRun !== true)
    for (const [program = '', ...args] of commands) await execa(program, args, { cancelSignal: signal })
  output.json({ removed: options.dryRun === true ? [] : [...chosen.images, ...chosen.volumes] })
  if (commands.length === 0) output.note('Nothing to remove.')
  return 0
}
