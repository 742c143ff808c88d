/** Finds `bringup.config`. */
import { existsSync, type Stats, statSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

/** In the order in which they are looked for. One folder may hold only one of them. */
export const CONFIG_NAMES = ['ts', 'mts', 'js', 'mjs', 'json'].map(
  (extension) => `bringup.config.${extension}`,
)

export const problems = defineDiagnostics({
  CONFIG_NOT_FOUND: {
    title: 'The config file or folder named by --project does not exist.',
    why: '--project takes a bringup.config file, or a folder',
    remedy: 'correct the path, or omit --project to use the nearest bringup.config upwards',
  },
  CONFIG_AMBIGUOUS: {
    title: 'A folder holds two config files.',
    why: 'bringup reads exactly one config file',
    remedy: 'delete one of them',
  },
})

/**
 * The config file that counts: the one named, else the nearest one from `cwd` upwards.
 *
 * @throws BringupError CONFIG_NOT_FOUND, CONFIG_AMBIGUOUS
 */
export function findConfig({
  cwd,
  project,
}: {
  readonly cwd: string
  readonly project?: string
}): string | undefined {
  if (project === undefined) return searchUpwards(resolve(cwd))
  const named = resolve(cwd, project)
  const stat = statOf(named)
  if (!stat) throw new BringupError([problems.CONFIG_NOT_FOUND.at('', `there is no ${named}`)])
  if (stat.isDirectory()) return configIn(named)
  if (stat.isFile()) return named
  throw new BringupError([problems.CONFIG_NOT_FOUND.at('', `${named} is neither a file nor a folder`)])
}

/** @throws BringupError CONFIG_NOT_FOUND for what cannot be looked at: behind a file, in a circle of links */
function statOf(path: string): Stats | undefined {
  try {
    return statSync(path, { throwIfNoEntry: false })
  } catch (cause) {
    throw new BringupError([problems.CONFIG_NOT_FOUND.at('', (cause as Error).message)], { cause })
  }
}

function searchUpwards(folder: string): string | undefined {
  const found = configIn(folder)
  if (found !== undefined) return found
  const parent = dirname(folder)
  return parent === folder ? undefined : searchUpwards(parent)
}

function configIn(folder: string): string | undefined {
  const found = CONFIG_NAMES.filter((name) => existsSync(join(folder, name)))
  if (found.length > 1)
    throw new BringupError([problems.CONFIG_AMBIGUOUS.at('', `${folder} holds ${found.join(' and ')}`)])
  return found[0] === undefined ? undefined : join(folder, found[0])
}
