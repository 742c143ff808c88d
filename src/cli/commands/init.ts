/** `bringup init`: looks at a source tree, and writes a config for it. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { CONFIG_NAMES } from '../../project/config-file.ts'
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
  if (!statSync(folder, { throwIfNoEntry: false })?.isDirectory())
    throw usageError(`there is no folder ${folder}`, 'name the folder of a source tree')
  const there = CONFIG_NAMES.map((name) => join(folder, name)).find((path) => existsSync(path))
  if (there !== undefined && options.force !== true && options.dryRun !== true) {
    output.json({ folder, file: there, state: 'kept' })
    output.print(`${there} is there already, and stays as it is.`)
    output.note(output.errorColors.dim('`--dry-run` shows what would be written, `--force` writes it.'))
    return 0
  }
  const tree = sourceTree(folder)
  if (there === undefined && options.profile === undefined && isEmptyTree(tree))
    return scaffoldProject(tree, { options, output })
  const sketch = await recognise(tree, text(options.profile))
  const content = configText(sketch)
  const file = join(folder, 'bringup.config.ts')
  const isWritten = options.dryRun !== true
  if (isWritten) writeConfig(file, content, there)
  const { what, because, remarks = [], notes = [] } = sketch
  const state = isWritten ? (there === undefined ? 'written' : 'replaced') : 'shown'
  output.json({ folder, file, state, what, because, remarks, notes, content })
  if (!isWritten) {
    output.print(content.trimEnd())
    return 0
  }
  output.print(`${colors.bold(what)}${because === '' ? '' : colors.dim(`, recognised by ${because}`)}`)
  for (const remark of remarks) output.print(`${colors.yellow('to decide')} ${remark}`)
  for (const note of notes) output.print(colors.dim(note))
  output.print(
    `${colors.green('wrote')} ${file}${there === undefined ? '' : `; the old one is ${there}.old`}`,
  )
  output.note(
    output.errorColors.dim(
      'next: `bringup doctor` says what is missing here, `bringup setup` installs it; then `bringup run`',
    ),
  )
  return 0
}

const text = (value: unknown) => (typeof value === 'string' ? value : undefined)
