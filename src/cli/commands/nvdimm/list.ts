/** `bringup nvdimm list`: the stores of the project. */
import { existsSync } from 'node:fs'
import { describedStores } from '../../../project/described-stores.ts'
import type { Project } from '../../../project/project.ts'
import { storesIn } from '../../../stores/place.ts'
import { openStore, type Store } from '../../../stores/store.ts'
import { formatBytes } from '../../../units.ts'
import type { Command } from '../../command.ts'
import { formatTable } from '../../table.ts'
import { endText, nameOf, roughly, storeJson } from './view.ts'

export const list: Command = {
  summary: 'list the stores of this project',
  description: 'Lists the stores in the state folder, and those that the machines name.',
  examples: [
    { command: 'bringup nvdimm list', says: 'size, last user, how that ended, who holds it' },
    { command: 'bringup nvdimm list --json | jq -r .stores[].path', says: 'the paths alone' },
  ],
  run: async ({ output, project: load }) => {
    const project = await load()
    const stores = storesOf(project)
    output.json({ stores: stores.map((store) => storeJson(store, project)) })
    if (output.isJson) return 0
    if (stores.length === 0) {
      output.note(
        'No stores yet: a run creates those of its NVDIMMs, `bringup nvdimm create` creates others.',
      )
      return 0
    }
    const rows = stores.map((store) => [
      nameOf(store, project),
      formatBytes(store.size),
      store.label === 0 ? '-' : formatBytes(store.label),
      roughly(store.allocatedBytes),
      store.lastUse
        ? `${store.lastUse.machine} ${store.lastUse.beganAt.slice(0, 19).replace('T', ' ')}`
        : '-',
      endText(store.lastUse, output.colors) || '-',
      store.lockedBy ? `process ${store.lockedBy.pid}` : '-',
    ])
    const headings = ['store', 'size', 'label', 'on disk', 'last used by', 'ended', 'held by']
    output.print(formatTable(headings, rows, output))
    return 0
  },
}

/** Memory only: disks, and the label files of CXL devices, are left out. What does not open, such as a pipe, too. */
function storesOf(project: Project): readonly Store[] {
  const named = describedStores(project)
  const others = new Set(
    named.filter(({ kind, path }) => kind === 'disk' || path.endsWith('.labels')).map(({ path }) => path),
  )
  const all = new Set([...storesIn(project.stateFolder), ...named.map(({ path }) => path)])
  const paths = [...all].filter((path) => !others.has(path) && existsSync(path))
  return paths.flatMap((path) => {
    try {
      return [openStore(path, project)]
    } catch {
      return []
    }
  })
}
