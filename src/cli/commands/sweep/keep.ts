/** `bringup sweep keep`: makes a sweep a baseline. */
import { findSweep, listSweeps, readSweep, saveSweep } from '../../../sweeps/record.ts'
import type { Command, Invocation } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const keep: Command = {
  summary: 'keep a sweep as a baseline',
  description:
    'A sweep with `compareWith` is compared with the baseline of that label. A label belongs to one sweep: the one that was kept last.',
  arguments: [
    { name: '<label>', description: 'such as `main`' },
    { name: '[sweep]', description: 'default: the newest', from: 'sweep records' },
  ],
  examples: [{ command: 'bringup sweep keep main', says: 'the newest sweep becomes the baseline "main"' }],
  run,
}

async function run({ args, output, project }: Invocation): Promise<number> {
  const { stateFolder } = await project()
  const label = args[0] ?? ''
  if (!/^\w[\w.-]{0,79}$/.test(label) || label === 'last')
    throw usageError(
      `"${label}" cannot be a label`,
      'use letters, digits, hyphens and dots, and begin with a letter or digit, such as main',
    )
  const folder = findSweep(stateFolder, args[1] ?? 'last')
  const record = readSweep(folder)
  const clash = nameTaken(label, stateFolder)
  if (clash !== undefined) throw usageError(`"${label}" cannot be a label`, clash)
  const before: string[] = []
  for (const other of listSweeps(stateFolder)) {
    const { label: taken, ...rest } = readSweep(other)
    if (taken !== label || other.id === record.id) continue
    saveSweep(other, rest)
    before.push(other.id)
  }
  saveSweep(folder, { ...record, label })
  output.json({ id: record.id, label })
  output.print(`sweep ${record.id} is the baseline "${label}"`)
  for (const id of before) output.note(`it replaces sweep ${id}`)
  if (record.label !== undefined && record.label !== label)
    output.note(`it is no longer the baseline "${record.label}"`)
  return 0
}

/** A label must not hide a sweep that is named by its name or by a part of its id. */
function nameTaken(label: string, stateFolder: string): string | undefined {
  for (const folder of listSweeps(stateFolder)) {
    if (folder.id.startsWith(label) || folder.id.endsWith(label))
      return `it stands for sweep ${folder.id}; choose another, such as main`
    if (readSweep(folder).name === label) return 'a sweep has that name; choose another, such as main'
  }
  return undefined
}
