/** Step: the list of packages is there, and young enough. It is a cache of the archive's: undo leaves it as it is. */
import * as z from 'zod'
import { defineStep } from '../../steps/step.ts'
import { loadManager } from '../managers/index.ts'

const schema = z.object({ manager: z.enum(['apt', 'dnf', 'pacman', 'zypper', 'apk']) })

export const packagesLists = defineStep<z.output<typeof schema>, null>({
  kind: 'packages.lists',
  schema,
  needs: ['root', 'network'],
  describe: () => 'read the list of packages',
  async check({ manager: name }, host) {
    const manager = await loadManager(name)
    const stale = manager.staleness(host)
    if (stale === undefined) return { state: 'done', detail: 'up to date' }
    const locked = manager.lock(host)
    if (locked) return { state: 'blocked', diagnostics: [locked] }
    return {
      state: 'change',
      detail: stale,
      before: null,
      leavesNothing: true,
      commands: [manager.updateCommand],
    }
  },
  undo: async () => ({ state: 'done', detail: 'the list is a cache and is kept' }),
  explain: async ({ manager }, lines) => (await loadManager(manager)).explain(lines),
})
