/** Finds the QEMU binary. */

import { realpathSync } from 'node:fs'
import { delimiter, join, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { isProgram } from '../host/is-program.ts'

export const problems = defineDiagnostics({
  QEMU_MISSING: {
    title: 'No QEMU system emulator for the architecture was found.',
    why: 'machines run in QEMU',
    remedy:
      'Debian, Ubuntu: apt install --no-install-recommends qemu-system-x86; Fedora: dnf install qemu-system-x86-core; Arch: pacman -S qemu-system-x86; or name a binary with --qemu PATH or BRINGUP_QEMU',
  },
  QEMU_NOT_EXECUTABLE: {
    title: 'The QEMU binary that was named cannot be executed.',
    why: 'the path is a folder, or a file that is not executable',
    remedy: 'give the path of an executable such as /usr/bin/qemu-system-x86_64',
  },
})

/** Folders beyond PATH in which distributions put QEMU. */
const MORE_FOLDERS = ['/usr/bin', '/usr/local/bin', '/usr/libexec']

/**
 * The binary to use: the one named, else BRINGUP_QEMU, else the first in PATH.
 *
 * @throws BringupError QEMU_MISSING, QEMU_NOT_EXECUTABLE
 */
export function findQemu(arch: string, named: string | undefined = process.env.BRINGUP_QEMU): string {
  if (named?.includes('/')) {
    if (isProgram(named)) return resolve(named)
    throw new BringupError([problems.QEMU_NOT_EXECUTABLE.at('qemu', `${named} is not an executable file`)])
  }
  const found = findAllQemu(named ?? `qemu-system-${arch}`)[0]
  if (found !== undefined) return found
  throw new BringupError([
    problems.QEMU_MISSING.at('qemu', `there is no ${named ?? `qemu-system-${arch}`} in PATH`),
  ])
}

/** Every different binary of that name, in the order of PATH; links to the same file count once. */
export function findAllQemu(program: string): readonly string[] {
  const folders = [...(process.env.PATH ?? '').split(delimiter), ...MORE_FOLDERS].filter(Boolean)
  const byFile = new Map<string, string>()
  for (const path of folders.map((folder) => join(folder, program)).filter(isProgram)) {
    const file = realpathSync(path)
    if (!byFile.has(file)) byFile.set(file, path)
  }
  return [...byFile.values()]
}
