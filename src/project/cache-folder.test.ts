import { chmodSync, mkdirSync, mkdtempSync, rmSync, statSync, symlinkSync } from 'node:fs'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { cacheFolder } from './cache-folder.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-cache-'))
  vi.stubEnv('TMPDIR', folder)
})
afterEach(() => {
  vi.unstubAllEnvs()
  rmSync(folder, { recursive: true })
})

test('follows XDG, which wants absolute paths', () => {
  expect(cacheFolder({ XDG_CACHE_HOME: '/c', HOME: '/h' })).toBe('/c/bringup')
  expect(cacheFolder({ XDG_CACHE_HOME: 'c', HOME: '/h' })).toBe('/h/.cache/bringup')
  expect(cacheFolder({ HOME: '/h' })).toBe('/h/.cache/bringup')
})

test('a user without a home has a folder that no other user can write', () => {
  const own = join(folder, `bringup-${userInfo().uid}`)
  expect(cacheFolder({ HOME: '/nonexistent' })).toBe(own)
  expect(statSync(own).mode & 0o777).toBe(0o700)
  expect(cacheFolder({ HOME: '/nonexistent' })).toBe(own)
})

test('a folder that another user prepared is not used', () => {
  const own = join(folder, `bringup-${userInfo().uid}`)
  mkdirSync(own)
  chmodSync(own, 0o777)
  expect(cacheFolder({ HOME: '/nonexistent' })).not.toBe(own)
  rmSync(own, { recursive: true })
  symlinkSync(folder, own)
  expect(cacheFolder({ HOME: '/nonexistent' })).not.toBe(own)
})
