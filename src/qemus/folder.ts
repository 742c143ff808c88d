/** Where QEMUs lie side by side: a folder each, and the name of the one that machines use by default. */
import { readFileSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { dataFolder } from '../host/tools.ts'
import { writeWhole } from '../own-files.ts'

/** `$XDG_DATA_HOME/bringup/qemus`, else `~/.local/share/bringup/qemus`. */
export const qemusFolder = (env?: Readonly<Record<string, string | undefined>>) =>
  join(dataFolder(env), 'qemus')

const DEFAULT = '.default'

/** Name of the installed QEMU that machines use where they name none; undefined for the one of the system. */
export function defaultQemu(folder = qemusFolder()): string | undefined {
  try {
    return readFileSync(join(folder, DEFAULT), 'utf8').trim() || undefined
  } catch {
    return undefined
  }
}

/** @param name undefined for the QEMU of the system */
export function setDefaultQemu(name: string | undefined, folder = qemusFolder()): void {
  if (name === undefined) rmSync(join(folder, DEFAULT), { force: true })
  else writeWhole(join(folder, DEFAULT), `${name}\n`)
}
