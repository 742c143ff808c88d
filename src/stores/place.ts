/** Where stores are: names in a project and what they are on the disk. */
import { type Dirent, readdirSync } from 'node:fs'
import { join, relative, resolve } from 'node:path'
import { BringupError } from '../diagnostics.ts'
import { problems } from './problems.ts'
import { statsOf } from './system.ts'

/** Of one project. */
export interface StorePlace {
  /** Relative paths start here. */
  readonly cwd: string
  readonly stateFolder: string
}

/** `scratch`, or `default/pm0` for what the machine `default` keeps in its `pm0`. */
const NAME = /^[A-Za-z0-9][\w-]*(?:\/[A-Za-z][\w-]*)?$/

/** Path of a store that is named or whose path is given, whether it is there or not. A file at that path wins over a name. */
export function storeAt(word: string, { cwd, stateFolder }: StorePlace): string {
  const path = resolve(cwd, word)
  if (!NAME.test(word)) return path
  const named = join(stateFolder, 'stores', `${word}.img`)
  return !statsOf(named) && statsOf(path) ? path : named
}

/** Where a new store of that name would be. */
export function newStoreAt(word: string, { cwd, stateFolder }: StorePlace): string {
  return NAME.test(word) ? join(stateFolder, 'stores', `${word}.img`) : resolve(cwd, word)
}

/** The same for one that must be there. */
export function existingStoreAt(word: string, place: StorePlace): string {
  const path = storeAt(word, place)
  if (statsOf(path)) return path
  throw new BringupError([
    problems.STORE_UNKNOWN.at(
      '',
      NAME.test(word) ? `there is no store "${word}" (${path})` : `there is no ${path}`,
    ),
  ])
}

/** The name of a store of this project; undefined for files elsewhere. */
export function storeName(
  path: string,
  { stateFolder }: Pick<StorePlace, 'stateFolder'>,
): string | undefined {
  const name = relative(join(stateFolder, 'stores'), path).replace(/\.img$/, '')
  return NAME.test(name) && path.endsWith('.img') ? name : undefined
}

/** Every store that lies in the state folder, by path. */
export function storesIn(stateFolder: string): readonly string[] {
  const folder = join(stateFolder, 'stores')
  return entriesOf(folder).flatMap((entry) => {
    const path = join(folder, entry.name)
    if (entry.isDirectory())
      return entriesOf(path)
        .filter(isStore)
        .map((file) => join(path, file.name))
    return isStore(entry) ? [path] : []
  })
}

function isStore(entry: Dirent): boolean {
  return entry.isFile() && entry.name.endsWith('.img')
}

function entriesOf(folder: string): readonly Dirent[] {
  try {
    return readdirSync(folder, { withFileTypes: true }).sort((a, b) => (a.name < b.name ? -1 : 1))
  } catch {
    return []
  }
}
