/** Which version of the distribution's kernel is booted: the first that was used, until `bringup update` changes it. */
import { join } from 'node:path'
import { keep, readKept } from '../../../qemu/cache.ts'

/** A kernel that is pinned: its packages as `name=version`, and the folders that they are unpacked to. */
export interface Pin {
  readonly packages: readonly string[]
  /** Names below `packages` of the cache. */
  readonly folders: readonly string[]
}

/** `kernels.json` of a folder of state; by what was asked for: `default`, `full`, or the name of a package. */
export function readPins(folder: string): Readonly<Record<string, Pin>> {
  const known = readKept<unknown>(folder, FILE)
  if (typeof known !== 'object' || known === null) return {}
  return Object.fromEntries(Object.entries(known).filter((entry): entry is [string, Pin] => isPin(entry[1])))
}

export function writePin(folder: string, key: string, pin: Pin): void {
  keep(folder, FILE, { ...readPins(folder), [key]: pin })
}

/** Where the pin is read by people. */
export const pinFile = (folder: string): string => join(folder, `${FILE}.json`)

const FILE = 'kernels'

const isTexts = (value: unknown) => Array.isArray(value) && value.every((item) => typeof item === 'string')

function isPin(value: unknown): value is Pin {
  if (typeof value !== 'object' || value === null) return false
  const { packages, folders } = value as Partial<Pin>
  // A folder is a name, never a path: the file may come from another computer.
  return isTexts(packages) && isTexts(folders) && folders?.every((name) => /^[\w.%+~-]+$/.test(name)) === true
}
