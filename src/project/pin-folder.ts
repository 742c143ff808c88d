/** Where the versions of what boots are kept, so that they change on request only. */
import { isAbsolute, join } from 'node:path'
import { homeFolder } from '../home-folder.ts'
import type { Project } from './project.ts'

/**
 * The state of a project; without a config file `$XDG_STATE_HOME/bringup`, else `~/.local/state/bringup` (XDG Base
 * Directory Specification).
 */
export function pinFolderOf(
  { configFile, stateFolder }: Pick<Project, 'configFile' | 'stateFolder'>,
  env: Readonly<Record<string, string | undefined>> = process.env,
): string {
  if (configFile !== undefined) return stateFolder
  const named = env.XDG_STATE_HOME
  const state = named && isAbsolute(named) ? named : join(homeFolder(env), '.local', 'state')
  return join(state, 'bringup')
}
