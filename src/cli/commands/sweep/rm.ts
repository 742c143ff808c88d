/** `bringup sweep rm`: deletes sweeps and their runs. */
import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { plural } from '../../../plural.ts'
import { listRuns, removeRun } from '../../../runs/record.ts'
import {
  findSweep,
  isElsewhere,
  isRunning,
  readAttempts,
  readSweep,
  removeSweep,
  type SweepFolder,
  type SweepRecord,
} from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const rm: Command = {
  summary: 'delete sweeps with their runs',
  arguments: [{ name: '<sweep...>', description: 'ids, names or labels', from: 'sweep records' }],
  options: [
    { flags: '--keep-runs', description: 'delete the record of the sweep alone' },
    { flags: '--force', description: 'also a sweep that another computer ran, if bringup was killed there' },
  ],
  examples: [{ command: 'bringup sweep rm last', says: 'the newest' }],
  run,
}

async function run({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  // All are looked at before the first is deleted; `last last` is one.
  const folders = new Map(args.map((word) => findSweep(stateFolder, word)).map((one) => [one.id, one]))
  const found = [...folders.values()].map((folder) => ({ folder, record: tryRead(folder) }))
  for (const { record } of found)
    if (record && isRunning(record, hostname())) refuseRunning(record, options.force === true)
  for (const { folder, record } of found) {
    const runs = options.keepRuns === true ? 0 : removeRuns(stateFolder, folder)
    removeSweep(folder)
    const label = record?.label === undefined ? '' : `, the baseline "${record.label}"`
    output.print(`deleted sweep ${folder.id}${label} and ${plural(runs, 'run')}`)
  }
  const baselines = found.flatMap(({ record }) => record?.label ?? [])
  output.json({
    deleted: found.map(({ folder }) => folder.id),
    ...(baselines.length > 0 ? { baselines } : {}),
  })
  return 0
}

function refuseRunning(record: SweepRecord, isForced: boolean): void {
  if (!isElsewhere(record, hostname()))
    throw usageError(`sweep ${record.id} is running`, 'end it first with Ctrl-C in its terminal')
  if (!isForced)
    throw usageError(
      `computer ${record.owner.host} runs sweep ${record.id}, or bringup was killed there`,
      'end it there first; if it was killed: --force',
    )
}

/**
 * Those of its attempts, and those that were killed before they became one.
 *
 * @returns how many
 */
function removeRuns(stateFolder: string, folder: SweepFolder): number {
  const name = tryRead(folder)?.name
  let count = 0
  const killed = listRuns(stateFolder).filter(({ sweep }) => sweep === folder.id)
  const attempts = readAttempts(folder)
  for (const id of new Set([...killed.map((run) => run.id), ...attempts.flatMap(({ run }) => run ?? [])])) {
    if (!/^[\w-]+$/.test(id)) continue
    removeRun({ path: join(stateFolder, 'runs', id) })
    count += 1
  }
  // Stores that were kept as evidence of a failure, or that a killed run left. A run is called as its stores.
  const own = attempts.map(({ cell, repeat, attempt }) => `${name}.${cell}.${repeat}.${attempt}`)
  for (const store of new Set([...own, ...killed.map((run) => run.name)]))
    if (name !== undefined && store.startsWith(`${name}.`) && /^[\w.-]+\.\d+\.\d+$/.test(store))
      rmSync(join(stateFolder, 'stores', store), { recursive: true, force: true })
  return count
}

function tryRead(folder: SweepFolder) {
  try {
    return readSweep(folder)
  } catch {
    return undefined
  }
}
