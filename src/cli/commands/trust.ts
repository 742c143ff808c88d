/** `bringup trust`: lets configs be read that another user can write. */
import { realpathSync, statSync } from 'node:fs'
import { dirname, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { findIntruder } from '../../host/intruder.ts'
import { makeFolder, writeWhole } from '../../own-files.ts'
import { listTrusted, trustFile } from '../../project/trust.ts'
import type { Command, Invocation } from '../command.ts'
import { usageError } from '../usage.ts'

export const problems = defineDiagnostics({
  TRUST_NOT_WRITTEN: {
    title: 'The list of trusted folders could not be written.',
    why: 'the list is in the config folder of this user, which no other user may be able to write to',
    remedy: 'make that folder writable for this user only, or set BRINGUP_TRUSTED_FOLDERS',
  },
})

export const command: Command = {
  summary: 'trust the configs in a folder that another user can write to',
  description:
    'A config is a program. One that another user can write, or that lies in a folder where another user can, is refused unless its folder is listed here.\n' +
    'The list is `bringup/trusted-folders` in $XDG_CONFIG_HOME or ~/.config; BRINGUP_TRUSTED_FOLDERS names more, with colons between them, `*` for all.',
  arguments: [{ name: '[folder]', description: 'the folder, and all below it', from: 'folders' }],
  options: [{ flags: '--remove', description: 'remove the folder from the list' }],
  examples: [
    { command: 'bringup trust', says: 'the folders that are trusted' },
    {
      command: 'bringup trust /srv/shared/kernel',
      says: 'run configs there, regardless of who can write them',
    },
    { command: 'bringup trust --remove /srv/shared/kernel', says: 'refuse them again' },
  ],
  run,
}

async function run({ args, options, output }: Invocation): Promise<number> {
  const [word] = args
  const before = listTrusted()
  if (word === undefined) {
    if (options.remove === true) throw usageError('--remove wants a folder')
    output.json({ folders: before })
    output.print(before.join('\n') || 'No folder is trusted beyond those that only you and root can write.')
    return 0
  }
  const folder = realFolder(word, options.remove === true)
  const folders =
    options.remove === true
      ? before.filter((f) => f !== folder)
      : [...new Set([...before, folder])].toSorted()
  save(folders)
  output.json({ folders })
  output.print(`${folder} is ${options.remove === true ? 'no longer trusted' : 'trusted'}`)
  return 0
}

function realFolder(word: string, mayBeGone: boolean): string {
  const path = resolve(word)
  if (path.includes('\n')) throw usageError('a folder with a newline in its name cannot be listed')
  if (statSync(path, { throwIfNoEntry: false })?.isDirectory() === true) return realpathSync(path)
  if (mayBeGone) return path
  throw usageError(`there is no folder ${path}`)
}

/** @throws BringupError TRUST_NOT_WRITTEN */
function save(folders: readonly string[]): void {
  const file = trustFile()
  try {
    makeFolder(dirname(file))
    const intruder = findIntruder(dirname(file))
    if (intruder !== undefined) throw new Error(intruder)
    writeWhole(file, folders.map((folder) => `${folder}\n`).join(''))
  } catch (cause) {
    throw new BringupError([problems.TRUST_NOT_WRITTEN.at('', (cause as Error).message)], { cause })
  }
}
