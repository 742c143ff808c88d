/** The machine of a test that names none. */
import type { MachineInput } from '../machine/machine.ts'
import { loadProject } from '../project/project.ts'

/**
 * The default machine of the project, as `bringup run` boots it; bringup's own defaults where no config describes it.
 *
 * @param folder Of the project. Default: the nearest one upwards.
 */
export async function defaultMachine(folder: string = process.cwd()): Promise<MachineInput | string> {
  const { configFile, machines, defaultMachine: name } = await loadProject({ cwd: folder })
  return configFile !== undefined && Object.hasOwn(machines, name) ? name : {}
}
