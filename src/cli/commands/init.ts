/** `bringup init`: looks at a source tree, and writes a config for it. */
import { accessSync, constants, existsSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CONFIG_NAMES } from '../../project/config-file.ts'
import { statOf } from '../../project/recognise/read-start.ts'
import { recognise } from '../../project/recognise/recognise.ts'
import { isEmptyTree } from '../../project/recognise/scaffold.ts'
import { sourceTree } from '../../project/recognise/source-tree.ts'
import { configText } from '../../project/recognise/write-config.ts'
import type { Command, Invocation } from '../command.ts'
import { scaffoldProject } from '../scaffold-project.ts'
import { usageError } from '../usage.ts'
import { writeConfig } from '../write-config-file.ts'

export const command: Command = {
  summary: 'write a bringup.config.ts for a source tree',
  description:
    'A profile that recognises the tree wins; otherwise the build system and the QEMU command of the tree decide. An existing config is kept. In an empty folder: a config, one test, and what runs it.',
  arguments: [
    { name: '[folder]', description: 'the source tree (default: the current folder)', from: 'folders' },
  ],
  options: [
    { flags: '--profile <name>', description: 'write a config for this profile', from: 'profiles' },
    {
      flags: '--force',
      description: 'replace an existing config; the old one is kept with the suffix .old',
    },
    { flags: '--dry-run', description: 'print the config, and write nothing' },
    { flags: '--yes', description: 'in an empty folder: write the files of a new project without asking' },
  ],
  examples: [
    { command: 'bringup init', says: 'a config for the source tree in this folder' },
    { command: 'bringup init --dry-run', says: 'what it would be' },
    {
      command: 'bringup init ../my-kernel --profile bare',
      says: 'a kernel of your own, by its build system',
    },
  ],
  run,
}

async function run({ args, options, output }: Invocation): Promise<number> {
  const folder = resolve(args[0] ?? '.')
  const { colors } = output
  const there = statOf(folder)
  if (!there?.isDirectory())
    throw usageError(
      there ? `${folder} is not a folder` : `the folder ${folder} does not exist`,
      'name the folder of a source tree',
    )
  if (!isReadable(folder))
    throw usageError(`the folder ${folder} cannot be read`, 'let this user read it, or name another folder')
  const present = CONFIG_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (present !== undefined && options.force !== true && options.dryRun !== true) {
    output.json({ folder, file: present, state: 'kept' })
    output.print(`${present} exists and was not changed.`)
    output.note(output.errorColors.dim('`--dry-run` prints the new config, `--force` writes it.'))
    return 0
  }
  const tree = sourceTree(folder)
  if (present === undefined && options.profile === undefined && isEmptyTree(tree))
    return scaffoldProject(tree, { options, output })
  const sketch = await recognise(tree, text(options.profile))
  const content = configText(sketch)
  const file = join(folder, 'bringup.config.ts')
  const isWritten = options.dryRun !== true
  if (isWritten) writeConfig(file, content, present)
  const { what, because, remarks = [], notes = [] } = sketch
  const state = isWritten ? (present === undefined ? 'written' : 'replaced') : 'shown'
  output.json({ folder, file, state, what, because, remarks, notes, content })
  if (!isWritten) {
    if (!output.isJson) output.raw(content)
    return 0
  }
  output.print(`${colors.bold(what)}${because === '' ? '' : colors.dim(`, recognised by ${because}`)}`)
  for (const remark of remarks) output.print(`${colors.yellow('to decide')} ${remark}`)
  for (const note of notes) output.print(colors.dim(note))
  output.print(
    `${colors.green('wrote')} ${file}${present === undefined ? '' : `; the previous config is ${present}.old`}`,
  )
  output.note(
    output.errorColors.dim(
      'next: `bringup doctor` says what is missing here, `bringup setup` installs it; then `bringup run`',
    ),
  )
  return 0
}

function isReadable(folder: string): boolean {
  try {
    accessSync(folder, constants.R_OK | constants.X_OK)
    return true
  } catch {
    return false
  }
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
