/** A cache whose saved states are those of one test file. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll } from 'vitest'
import { cacheFolder } from '../../src/project/cache-folder.ts'

export interface OwnStates {
  /** For XDG_CACHE_HOME. */
  readonly home: string
  /** Folder of the states. */
  readonly folder: string
  /** Names of the complete states. */
  readonly kept: () => readonly string[]
  /** Names of the incomplete states. */
  readonly partial: () => readonly string[]
  /** Deletes all states. */
  readonly clear: () => void
}

/** Shares all of the user's cache but the states, for the tests of the calling file. */
export function ownStates(): OwnStates {
  const home = mkdtempSync(join(tmpdir(), 'bringup states, '))
  const folder = join(home, 'bringup/states')
  const before = process.env.XDG_CACHE_HOME
  beforeAll(() => {
    const shared = cacheFolder()
    mkdirSync(join(shared, 'linux'), { recursive: true })
    mkdirSync(join(home, 'bringup'), { mode: 0o700 })
    for (const name of readdirSync(shared))
      if (name !== 'states') symlinkSync(join(shared, name), join(home, 'bringup', name))
    process.env.XDG_CACHE_HOME = home
  })
  afterAll(() => {
    if (before === undefined) delete process.env.XDG_CACHE_HOME
    else process.env.XDG_CACHE_HOME = before
    rmSync(home, { recursive: true, force: true })
  })
  const names = (arePartial: boolean) =>
    readdirSync(folder).filter((name) => name.endsWith('.part') === arePartial)
  return {
    home,
    folder,
    kept: () => names(false),
    partial: () => names(true),
    clear() {
      rmSync(folder, { recursive: true, force: true })
      mkdirSync(folder, { mode: 0o700 })
    },
  }
}
