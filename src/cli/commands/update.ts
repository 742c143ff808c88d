/** `bringup update`: chooses newer versions of what runs boot. */
import { cacheFolder } from '../../project/cache-folder.ts'
import { pinFolderOf } from '../../project/pin-folder.ts'
import type { VersionChange } from '../../project/profile.ts'
import { loadBuiltIns } from '../../project/profiles/index.ts'
import { formatRoundBytes } from '../../units.ts'
import type { Command } from '../command.ts'
import { formatTable } from '../table.ts'

export const command: Command = {
  summary: 'choose the newest versions of what runs boot',
  description:
    'A project boots the version of the distribution’s kernel that it booted first; it is kept in `.bringup/kernels.json`, and outside a project in the state of this user. This command chooses the newest version that apt knows. The next run downloads it.',
  arguments: [{ name: '[what]', description: 'what to update (default: all)', choices: ['kernel'] }],
  examples: [
    { command: 'bringup update', says: 'the newest version of everything' },
    { command: 'sudo apt-get update && bringup update kernel', says: 'with fresh lists of packages' },
    { command: 'bringup update --json', says: 'old and new versions for a program' },
  ],
  run: async ({ output, signal, project: load }) => {
    const project = await load()
    const context = {
      pinFolder: pinFolderOf(project),
      cacheFolder: cacheFolder(),
      signal,
      progress: (what: string) => output.progress(what),
    }
    const changes = new Map<string, VersionChange>()
    // Profiles of one family share what is pinned: the first answer is the one that changed it.
    for (const profile of [...project.profiles, ...(await loadBuiltIns())])
      for (const change of (await profile.update?.(context)) ?? [])
        if (!changes.has(change.what)) changes.set(change.what, change)
    const found = [...changes.values()]
    output.json({ folder: context.pinFolder, changes: found })
    if (found.length === 0) output.print('No version is pinned yet: the first run of a guest pins one.')
    else output.print(formatTable(['what', 'version', 'download'], found.map(rowOf), output))
    return 0
  },
}

const rowOf = ({ what, from, to, bytes }: VersionChange): readonly string[] => [
  what,
  from === to ? `${to} (up to date)` : `${from} → ${to}`,
  bytes === 0 ? '-' : formatRoundBytes(bytes),
]
