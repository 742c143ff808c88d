import { chmodSync, chownSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { runtimeFolder } from './runtime-folder.ts'

const folder = mkdtempSync(join(tmpdir(), 'r-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string, mode = 0o700) => {
  mkdirSync(join(folder, name), { mode })
  return join(folder, name)
}

test('lies in XDG_RUNTIME_DIR, for this user alone', () => {
  const parent = at('good')
  expect(runtimeFolder({ XDG_RUNTIME_DIR: parent })).toBe(join(parent, 'bringup'))
  expect(statSync(join(parent, 'bringup')).mode & 0o777).toBe(0o700)
})

test('lies elsewhere where that is not private, relative or too long for a socket', () => {
  const open = at('open')
  chmodSync(open, 0o777)
  const long = at('l'.repeat(60))
  for (const named of [open, long, 'relative', join(folder, 'missing')])
    expect(runtimeFolder({ XDG_RUNTIME_DIR: named })).not.toContain(named)
})

test('is refused where another user could change it', () => {
  const wide = at('wide')
  mkdirSync(join(wide, 'bringup'))
  chmodSync(join(wide, 'bringup'), 0o770)
  expect(() => runtimeFolder({ XDG_RUNTIME_DIR: wide })).toThrow('is not a folder with mode 0700')
  const linked = at('linked')
  symlinkSync(at('target'), join(linked, 'bringup'))
  expect(() => runtimeFolder({ XDG_RUNTIME_DIR: linked })).toThrow('is not a folder with mode 0700')
  if (userInfo().uid !== 0) return
  const foreign = at('foreign')
  mkdirSync(join(foreign, 'bringup'), { mode: 0o700 })
  chownSync(join(foreign, 'bringup'), 65534, 65534)
  expect(() => runtimeFolder({ XDG_RUNTIME_DIR: foreign })).toThrow('belongs to user 65534')
})
