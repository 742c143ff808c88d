/** What a person at a terminal needs in a Linux guest: a shell, and the description of the terminal's type. */
import { existsSync, readFileSync } from 'node:fs'
import { homedir } from 'node:os'
import { join } from 'node:path'
import type { Entry } from '../../images/cpio.ts'
import { findOnHost } from './programs.ts'

/** bash where this computer has it, else the shell of busybox. */
export function terminalCommand(): readonly string[] {
  return [findOnHost('bash') === undefined ? 'sh' : 'bash']
}

/** Where ncurses looks, in this order (terminfo(5)); letters are folders, as hexadecimal numbers on some systems. */
function terminfoFolders(env: NodeJS.ProcessEnv): readonly string[] {
  return [
    ...(env.TERMINFO?.startsWith('/') ? [env.TERMINFO] : []),
    join(homedir(), '.terminfo'),
    '/etc/terminfo',
    '/lib/terminfo',
    '/usr/share/terminfo',
  ]
}

/** The compiled description of a type of terminal on this computer. */
export function terminfoFile(
  term: string | undefined,
  env: NodeJS.ProcessEnv = process.env,
): string | undefined {
  if (term === undefined || !/^[\w+.-]+$/.test(term)) return undefined
  const letters = [term.slice(0, 1), term.charCodeAt(0).toString(16)]
  return terminfoFolders(env)
    .flatMap((folder) => letters.map((letter) => join(folder, letter, term)))
    .find((path) => existsSync(path))
}

/** In the first folder that is searched on every system. */
export function terminfoEntries(path: string | undefined): readonly Entry[] {
  if (path === undefined) return []
  const name = path.slice(path.lastIndexOf('/') + 1)
  const letters = [name.slice(0, 1), name.charCodeAt(0).toString(16)]
  const content = readFileSync(path)
  return letters.map(
    (letter): Entry => ({ kind: 'file', path: `etc/terminfo/${letter}/${name}`, mode: 0o644, content }),
  )
}
