/** The QEMUs that are installed side by side, and the tools that came with them. */
import { readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { isProgram } from '../host/is-program.ts'
import { findProgram } from '../host/tools.ts'
import { qemusFolder } from './folder.ts'
import { problems } from './problems.ts'
import { type InstalledQemu, isName, readRecord } from './record.ts'

/** Every installed QEMU whose record can be read, newest version first. */
export function installedQemus(folder = qemusFolder()): readonly InstalledQemu[] {
  return namesIn(folder)
    .flatMap((name) => findInstalled(name, folder) ?? [])
    .sort((a, b) => compareVersions(b.record.version, a.record.version) || (a.name < b.name ? -1 : 1))
}

/** Folders without a usable record, and what is wrong with each. */
export function damagedQemus(
  folder = qemusFolder(),
): readonly { readonly name: string; readonly problem: string }[] {
  return namesIn(folder).flatMap((name) => {
    const record = readRecord(join(folder, name))
    return 'problem' in record ? [{ name, problem: record.problem }] : []
  })
}

/** The installed QEMU of that name; undefined where it is missing. */
export function findInstalled(name: string, folder = qemusFolder()): InstalledQemu | undefined {
  if (!isName(name)) return undefined
  const record = readRecord(join(folder, name))
  return 'problem' in record ? undefined : { name, folder: join(folder, name), record }
}

/** @throws BringupError QEMU_INSTALLED_ALREADY */
export function refuseInstalled(name: string, folder = qemusFolder()): void {
  if (findInstalled(name, folder) !== undefined)
    throw new BringupError([problems.QEMU_INSTALLED_ALREADY.at('', `${name} is installed`)])
}

/**
 * A program that QEMU's source brings beside the emulators, such as `rdmacm-mux`: the first in PATH, else the one of the
 * newest installed QEMU that has it.
 */
export function findTool(name: string, folder = qemusFolder()): string | undefined {
  return (
    findProgram(name) ??
    installedQemus(folder)
      .flatMap(({ folder: own, record }) => {
        const path = record.tools[name]
        return path === undefined ? [] : [join(own, path)]
      })
      .find(isProgram)
  )
}

/** Absolute path of its emulator for that architecture; undefined where it lacks one. */
export function programOf({ folder, record }: InstalledQemu, arch: string): string | undefined {
  const path = record.programs[arch]
  return path === undefined ? undefined : join(folder, path)
}

/** Numbers compare as numbers. Pure. */
export const compareVersions = (a: string, b: string) => a.localeCompare(b, 'en', { numeric: true })

function namesIn(folder: string): readonly string[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).flatMap((entry) =>
      entry.isDirectory() && isName(entry.name) ? [entry.name] : [],
    )
  } catch {
    return []
  }
}
