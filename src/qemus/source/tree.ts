/** What an unpacked source tree of QEMU says of itself. */
import { existsSync, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  QEMU_TREE_WRONG: {
    title: 'A folder is not a source tree of QEMU that can be built.',
    why: 'a tree has the files `configure`, `meson.build` and `VERSION`, and is built outside itself',
    remedy: 'name the folder of an unpacked release or of a git clone of QEMU',
  },
})

export interface SourceTree {
  readonly folder: string
  /** Content of its file VERSION: `7.2.22`. */
  readonly version: string
  /** Oldest meson that it takes. */
  readonly minimumMeson?: string
  /** Releases bring a meson along; the trees of distributions do not. */
  readonly hasOwnMeson: boolean
}

/** @throws BringupError QEMU_TREE_WRONG */
export function readTree(folder: string): SourceTree {
  const missing = ['configure', 'meson.build', 'VERSION'].filter((name) => !existsSync(join(folder, name)))
  if (missing.length > 0)
    throw new BringupError([problems.QEMU_TREE_WRONG.at('', `${folder} has no ${missing.join(', no ')}`)])
  if (existsSync(join(folder, 'config-host.mak')))
    throw new BringupError([
      problems.QEMU_TREE_WRONG.at('', `${folder} is configured in place`, {
        why: 'meson refuses a second build of a tree that is configured in place',
        remedy: `delete config-host.mak and build.ninja there: make -C ${folder} distclean`,
      }),
    ])
  const version = readFileSync(join(folder, 'VERSION'), 'utf8').trim()
  if (!/^\d+\.\d+/.test(version))
    throw new BringupError([problems.QEMU_TREE_WRONG.at('', `${folder}/VERSION holds "${version}"`)])
  const minimum = /meson_version:\s*'>=\s*([\d.]+)'/.exec(
    readFileSync(join(folder, 'meson.build'), 'utf8'),
  )?.[1]
  const wheels = join(folder, 'python/wheels')
  return {
    folder,
    version,
    ...(minimum === undefined ? {} : { minimumMeson: minimum }),
    hasOwnMeson:
      existsSync(join(folder, 'meson/meson.py')) ||
      (existsSync(wheels) && readdirSync(wheels).some((name) => name.startsWith('meson-'))),
  }
}
