import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { findIntruder } from '../host/intruder.ts'
import { refuseUntrusted, trustFile } from './trust.ts'

const isRoot = process.getuid?.() === 0
const NOBODY = 65534

let folder: string
let file: string
const env = () => ({ XDG_CONFIG_HOME: join(folder, 'config') })
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'trust-'))
  mkdirSync(join(folder, 'project'), { mode: 0o755 })
  file = join(folder, 'project', 'bringup.config.json')
  writeFileSync(file, '{}', { mode: 0o644 })
})
afterEach(() => rmSync(folder, { recursive: true }))

const codeOf = (act: () => void) => {
  try {
    act()
    return undefined
  } catch (error) {
    return error instanceof BringupError ? error.code : error
  }
}

describe('a config', () => {
  test('of this user, below the sticky /tmp', () => expect(findIntruder(file, env())).toBeUndefined())

  test('that does not exist', () => expect(findIntruder(join(folder, 'none'), env())).toBeUndefined())

  test('that every user can write', () => {
    chmodSync(file, 0o666)
    expect(findIntruder(file, env())).toBe(`every user can write ${file}`)
  })

  test('in a folder that every user can write', () => {
    chmodSync(join(folder, 'project'), 0o777)
    expect(findIntruder(file, env())).toBe(`every user can write ${join(folder, 'project')}`)
    chmodSync(join(folder, 'project'), 0o1777)
    expect(findIntruder(file, env())).toBeUndefined()
  })

  test.runIf(isRoot)('of another user, or below a folder of another user', () => {
    chownSync(file, NOBODY, 0)
    expect(findIntruder(file, env())).toBe(`${file} belongs to user nobody`)
    chownSync(file, 0, 0)
    chownSync(join(folder, 'project'), NOBODY, 0)
    expect(findIntruder(file, env())).toBe(`${join(folder, 'project')} belongs to user nobody`)
  })

  test.runIf(isRoot)('of the user who called sudo', () => {
    chownSync(file, NOBODY, 0)
    expect(findIntruder(file, { ...env(), SUDO_UID: `${NOBODY}` })).toBeUndefined()
  })

  test.runIf(isRoot)('that a group of other users can write', () => {
    chownSync(file, 0, NOBODY)
    chmodSync(file, 0o664)
    expect(findIntruder(file, env())).toMatch(/^group \S+ can write /)
    chownSync(file, 0, 0)
    expect(findIntruder(file, env())).toBeUndefined()
  })

  test('behind a link, whose target counts', () => {
    chmodSync(join(folder, 'project'), 0o777)
    const link = join(folder, 'link.json')
    symlinkSync(file, link)
    expect(findIntruder(link, env())).toBe(`every user can write ${join(folder, 'project')}`)
  })

  test('behind links in a circle', () => {
    symlinkSync('b', join(folder, 'a'))
    symlinkSync('a', join(folder, 'b'))
    expect(findIntruder(join(folder, 'a'), env())).toBeUndefined()
  })
})

describe('trust', () => {
  const trust = (text: string) => {
    mkdirSync(join(folder, 'config', 'bringup'), { recursive: true, mode: 0o755 })
    writeFileSync(trustFile(env()), text, { mode: 0o644 })
  }
  beforeEach(() => chmodSync(join(folder, 'project'), 0o777))

  test('is refused without', () =>
    expect(codeOf(() => refuseUntrusted(file, env()))).toBe('CONFIG_UNTRUSTED'))

  test('by the list, of a folder or one above it', () => {
    trust(`${join(folder, 'project')}\n`)
    expect(codeOf(() => refuseUntrusted(file, env()))).toBeUndefined()
    trust(`${folder}\n`)
    expect(codeOf(() => refuseUntrusted(file, env()))).toBeUndefined()
    trust(`${join(folder, 'proj')}\n`)
    expect(codeOf(() => refuseUntrusted(file, env()))).toBe('CONFIG_UNTRUSTED')
  })

  test('not by a list that others can write', () => {
    trust(`${folder}\n`)
    chmodSync(trustFile(env()), 0o666)
    expect(codeOf(() => refuseUntrusted(file, env()))).toBe('CONFIG_UNTRUSTED')
  })

  test('by the environment', () => {
    for (const folders of ['*', `/nowhere:${folder}`])
      expect(
        codeOf(() => refuseUntrusted(file, { ...env(), BRINGUP_TRUSTED_FOLDERS: folders })),
      ).toBeUndefined()
  })
})
