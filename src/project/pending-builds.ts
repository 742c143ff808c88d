/** What the build of a profile would make: for plans that build nothing. */
import { availableParallelism } from 'node:os'
import { resolve } from 'node:path'
import { outputsOf } from '../build/actions.ts'
import type { BuildTarget } from '../build/graph.ts'
import type { PlanningRequest } from './planning.ts'
import type { Pending } from './profile.ts'
import { buildFolderOf, buildOptionsOf, type Selection } from './selection.ts'

/** Every file and folder that the build makes, made before or not. */
export async function pendingBuilds(
  request: PlanningRequest,
  { name, profile, machine }: Selection,
): Promise<readonly Pending[]> {
  const { project, command = [] } = request
  const graph = await profile.build?.({
    machine,
    machineName: name,
    projectFolder: project.folder,
    buildFolder: buildFolderOf(project),
    options: buildOptionsOf(profile, request),
    jobs: availableParallelism(),
    isVerbose: false,
    command,
  })
  return (graph?.targets ?? []).flatMap((target) => {
    const outputs = outputsOf(target)
    // Of a target that does not say what it makes, it may be anything in the project.
    const paths = outputs.length > 0 || !hasCommand(target) ? outputs : ['.']
    return paths.map((output) => ({
      what: `${target.id}: ${target.summary}`,
      path: resolve(project.folder, output),
    }))
  })
}

const hasCommand = ({ actions }: BuildTarget) => actions.some((action) => action.kind === 'command')
