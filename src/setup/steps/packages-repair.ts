/** Step: what the package manager was interrupted in is finished. There is nothing to take back: it was begun before. */
import * as z from 'zod'
import { defineStep } from '../../steps/step.ts'
import { loadManager } from '../managers/index.ts'

const schema = z.object({ manager: z.enum(['apt', 'dnf', 'pacman', 'zypper', 'apk']) })

export const packagesRepair = defineStep<z.output<typeof schema>, null>({
  kind: 'packages.repair',
  schema,
  needs: ['root', 'network'],
  describe: () => 'finish what the package manager was interrupted in',
  async check({ manager: name }, host) {
    const manager = await loadManager(name)
    const found = await manager.interruption(host)
    if (!found) return { state: 'done', detail: 'nothing was' }
    const locked = manager.lock(host)
    if (locked) return { state: 'blocked', diagnostics: [locked] }
    return {
      state: 'change',
      detail: found.what,
      before: null,
      leavesNothing: true,
      commands: found.commands,
    }
  },
  undo: async () => ({ state: 'done', detail: 'finished work is kept' }),
  explain: async ({ manager }, lines) => (await loadManager(manager)).explain(lines),
})
