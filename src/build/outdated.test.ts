import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { outdatedTargets } from './outdated.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-outdated-'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

function put(path: string, at: number): void {
  mkdirSync(join(folder, path, '..'), { recursive: true })
  writeFileSync(join(folder, path), path)
  utimesSync(join(folder, path), at, at)
}

const make = { kind: 'command', argv: ['make'] } as const
const found = (inputs: readonly string[] = []) =>
  outdatedTargets(
    { targets: [{ id: 'kernel', summary: '', inputs, outputs: ['out/kernel'], actions: [make] }] },
    { folder, stamps: {} },
  ).map(({ what }) => what)

it('names the file that is newer than what was built of it', () => {
  put('src/deep/a.c', 1000)
  put('out/kernel', 2000)
  expect(found(['src'])).toEqual([])
  put('src/deep/a.c', 3000)
  expect(found(['src'])).toEqual(['out/kernel of target "kernel" is older than src/deep/a.c'])
})

it('says nothing where inputs are not known, or nothing was built', () => {
  put('src/a.c', 3000)
  expect(found(['src'])).toEqual([])
  put('out/kernel', 2000)
  expect(found()).toEqual([])
})
