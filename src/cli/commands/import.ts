/** `bringup import`: the machine of a QEMU command or of a libvirt domain, as a description. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import type { Remark } from '../../machine/from-qemu/from-qemu.ts'
import { CONFIG_NAMES } from '../../project/config-file.ts'
import {
  type Imported,
  importedSketch,
  importText,
  importWords,
} from '../../project/recognise/import-machine.ts'
import { configText } from '../../project/recognise/write-config.ts'
import type { Command, Invocation } from '../command.ts'
import { importSource } from '../import-source.ts'
import { usageError } from '../usage.ts'
import { writeConfig } from '../write-config-file.ts'

export const command: Command = {
  summary: 'describe the machine of a QEMU command or a libvirt domain',
  description:
    'Prints a config, and what of the command it does not carry. Nothing is run. Variables, quotes, comments and continuation lines are read as a shell reads them.',
  arguments: [
    {
      name: '[source...]',
      description: 'a command in quotes, or a script, makefile or XML file (default: standard input)',
      from: 'files',
    },
  ],
  options: [
    { flags: '--write', description: 'write bringup.config.ts in this folder, instead of printing it' },
    {
      flags: '--force',
      description: 'with --write: replace an existing config; the old one is kept with the suffix .old',
    },
    { flags: '--set <name=value>', description: 'value of a variable in the command', isRepeatable: true },
  ],
  examples: [
    { command: "bringup import 'qemu-system-x86_64 -cdrom os.iso -m 512'", says: 'a command that you paste' },
    {
      command: 'bringup import -- qemu-system-i386 -fda floppy.img',
      says: 'words that your shell has split',
    },
    {
      command: 'bringup import run.sh --set IMG=disk.img --write',
      says: 'the command in a script, as bringup.config.ts',
    },
    { command: 'virsh dumpxml my-vm | bringup import', says: 'a libvirt domain' },
  ],
  rest: 'command for QEMU',
  run,
}

async function run({ args, rest, options, output, signal }: Invocation): Promise<number> {
  if (rest !== undefined && args.length > 0)
    throw usageError(`both ${args[0]} and a command behind -- are given`, 'import one of them')
  const imported =
    rest === undefined
      ? importText(await importSource(args, signal), variablesOf(options.set))
      : importWords(rest)
  const content = configText(importedSketch(imported))
  const written = options.write === true ? write(content, options.force === true) : undefined
  output.json({ ...imported, content, ...(written === undefined ? {} : { file: written.file }) })
  if (output.isJson) return 0
  if (written === undefined) output.raw(content)
  else output.print(`${output.colors.green('wrote')} ${written.file}${oldIn(written.replaced)}`)
  explain(imported, output)
  if (written !== undefined)
    output.note(output.errorColors.dim('next: `bringup plan` checks the machine; `bringup run` boots it'))
  return 0
}

function variablesOf(given: unknown): Readonly<Record<string, string>> {
  const list = Array.isArray(given) ? (given as readonly string[]) : []
  return Object.fromEntries(
    list.map((item) => {
      const [, name, value = ''] = /^([A-Za-z_]\w*)=(.*)$/s.exec(item) ?? []
      if (name === undefined)
        throw usageError(`--set ${item}`, 'write NAME=VALUE, such as --set IMG=disk.img')
      return [name, value]
    }),
  )
}

const oldIn = (replaced: string | undefined) =>
  replaced === undefined ? '' : `; the previous config is ${replaced}.old`

function write(
  content: string,
  isForced: boolean,
): { readonly file: string; readonly replaced: string | undefined } {
  const replaced = CONFIG_NAMES.map((name) => resolve(name)).find((path) => existsSync(path))
  if (replaced !== undefined && !isForced)
    throw usageError(
      `${replaced} exists`,
      'omit --write to print the config, or add --force, which keeps the existing one with the suffix .old',
    )
  const file = resolve('bringup.config.ts')
  writeConfig(file, content, replaced)
  return { file, replaced }
}

const TITLES: Readonly<Record<Remark['state'], string>> = {
  guess: 'to decide',
  lost: 'not in the description',
  passed: 'passed to QEMU',
  needless: 'not needed',
}

function explain({ machines }: Imported, { note, errorColors }: Invocation['output']): void {
  for (const { name, remarks } of machines) {
    if (machines.length > 1 && remarks.length > 0) note(errorColors.bold(`machine ${name}`))
    for (const state of ['guess', 'lost', 'passed', 'needless'] as const)
      for (const { words, because } of remarks.filter((r) => r.state === state))
        note(
          `${errorColors[state === 'guess' || state === 'lost' ? 'yellow' : 'dim'](TITLES[state])} ${words}${errorColors.dim(`: ${because}`)}`,
        )
  }
}
