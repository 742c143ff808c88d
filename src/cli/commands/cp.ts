/** `bringup cp`: copies files to and from a guest of a background run. */
import { resolve } from 'node:path'
import { callRun } from '../../runs/control-client.ts'
import type { Command } from '../command.ts'
import { guestThatRuns, RUN_OPTION } from '../find-guest.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'copy a file or a folder to or from a guest of a run that was started with `run -d`',
  description:
    'A path of a guest has the name of the guest in front: `server:/tmp/out`. `:/tmp/out` is one of the only guest.',
  arguments: [
    { name: '<from>', description: 'a path of this computer, or GUEST:PATH' },
    { name: '<to>', description: 'the target; its last part is the new name' },
  ],
  options: [RUN_OPTION],
  examples: [
    { command: 'bringup cp testdata server:/tmp/testdata', says: 'into the guest' },
    { command: 'bringup cp server:/var/log logs', says: 'out of it' },
  ],
  run: async ({ args: [from = '', to = ''], options, output, project, signal }) => {
    const [source, target] = [splitPath(from), splitPath(to)]
    if ((source.guest === undefined) === (target.guest === undefined))
      throw usageError('one of the two paths is in a guest', 'write it as GUEST:PATH')
    const wanted = (source.guest ?? target.guest) || undefined
    const { stateFolder } = await project()
    const { run, guest } = guestThatRuns(stateFolder, { wanted, run: options.run })
    const isIn = target.guest !== undefined
    const paths = isIn
      ? { from: resolve(source.path), to: target.path }
      : { from: source.path, to: resolve(target.path) }
    await callRun(run, { op: isIn ? 'copyIn' : 'copyOut', guest, ...paths }, { signal }).done
    output.json({ guest, ...paths })
    return 0
  },
}

/** `server:/tmp` is a path of a guest; `./a:b` is not. */
function splitPath(text: string): { readonly guest?: string; readonly path: string } {
  const [, guest, path] = /^([a-z0-9.-]*):(.+)$/s.exec(text) ?? []
  return path === undefined ? { path: text } : { guest: guest ?? '', path }
}
