/** `bringup sweep rm`: deletes sweeps and their runs. */
import { rmSync } from 'node:fs'
import { hostname } from 'node:os'
import { join } from 'node:path'
import { removeRun } from '../../../runs/record.ts'
import { findSweep, isRunning, readAttempts, readSweep, removeSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const rm: Command = {
  summary: 'delete sweeps with their runs',
  arguments: [{ name: '<sweep...>', description: 'ids, names or labels', from: 'sweep records' }],
  options: [{ flags: '--keep-runs', description: 'delete the record of the sweep alone' }],
  examples: [{ command: 'bringup sweep rm last', says: 'the newest' }],
  run,
}

async function run({ args, options, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const deleted = args.map((word) => {
    const folder = findSweep(stateFolder, word)
    const record = tryRead(folder)
    if (record && isRunning(record, hostname()))
      throw usageError(`sweep ${folder.id} is running`, 'end it first with Ctrl-C in its terminal')
    if (options.keepRuns !== true)
      for (const { run: id, cell, repeat, attempt } of readAttempts(folder)) {
        if (id !== undefined && /^[\w-]+$/.test(id)) removeRun({ path: join(stateFolder, 'runs', id) })
        // Stores that were kept as evidence of a failure.
        const store = `${record?.name}.${cell}.${repeat}.${attempt}`
        if (record && /^[\w.-]+$/.test(store))
          rmSync(join(stateFolder, 'stores', store), { recursive: true, force: true })
      }
    removeSweep(folder)
    return folder.id
  })
  output.json({ deleted })
  output.print(`deleted ${deleted.join(', ')}`)
  return 0
}

function tryRead(folder: Parameters<typeof readSweep>[0]) {
  try {
    return readSweep(folder)
  } catch {
    return undefined
  }
}
