import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, afterEach, beforeEach, expect, test, vi } from 'vitest'
import { gatherFacts } from '../plan/gather.ts'
import { askMapSync, buildMapSync, parseMapSync, withMapSync } from './map-sync.ts'

const folder = mkdtempSync(join(tmpdir(), 'map sync, '))
afterAll(() => rmSync(folder, { recursive: true }))
const cacheFolder = join(folder, 'cache')
beforeEach(() => {
  vi.stubEnv('CC', process.env.CC)
})
afterEach(() => {
  vi.unstubAllEnvs()
})

test('the kernel refuses MAP_SYNC for a file that is not on persistent memory, and leaves it as it is', async () => {
  const path = join(folder, 'plain, file')
  writeFileSync(path, 'content')
  expect(await askMapSync(path, 4096, { cacheFolder })).toEqual({
    isGranted: false,
    reason: 'Operation not supported',
  })
  expect(readFileSync(path, 'utf8')).toBe('content')
  expect(readdirSync(join(cacheFolder, 'map-sync')).filter((name) => name !== '.lock')).toHaveLength(1)
})

test('a file that is not there is answered for by its folder, where nothing is left', async () => {
  const before = readdirSync(folder)
  expect(await askMapSync(join(folder, 'new'), 4096, { cacheFolder })).toMatchObject({ isGranted: false })
  expect(readdirSync(folder)).toEqual(before)
})

test('facts have it for every store, or say why not', async () => {
  const path = join(folder, 'not/there/yet.img')
  const facts = gatherFacts([path, folder], { accelerators: [] })
  const asked = await withMapSync(facts, { cacheFolder }, true)
  expect(asked.files.get(path)?.mapSync).toMatchObject({ isGranted: false })
  expect(asked.files.get(folder)).not.toHaveProperty('mapSync')
  // Not asked where the disk is no memory: the answer is known.
  expect(facts.files.get(path)?.mayBeDax).toBeUndefined()
  expect((await withMapSync(facts, { cacheFolder })).files.get(path)).not.toHaveProperty('mapSync')
})

test('without a compiler it is not known', async () => {
  vi.stubEnv('CC', 'no-such-compiler')
  expect(await buildMapSync({ cacheFolder })).toEqual({ problem: 'there is no "no-such-compiler" in PATH' })
  const facts = await withMapSync(
    gatherFacts([join(folder, 'x')], { accelerators: [] }),
    { cacheFolder },
    true,
  )
  expect([...facts.files.values()][0]).toMatchObject({
    mapSyncProblem: expect.stringContaining('no-such-compiler'),
  })
  expect(readdirSync(join(cacheFolder, 'map-sync')).filter((name) => name !== '.lock')).toHaveLength(1)
})

test('nor where nothing may be built', async () => {
  const file = join(folder, 'no folder')
  writeFileSync(file, '')
  expect(await askMapSync(file, 4096, { cacheFolder: file })).toEqual({
    problem: expect.stringMatching(/ENOTDIR|EEXIST/),
  })
})

test('what the program says', () => {
  expect(parseMapSync('granted\n')).toMatchObject({ isGranted: true })
  expect(parseMapSync('refused: Operation not supported\n')).toMatchObject({ isGranted: false })
  expect(parseMapSync('failed: open: Permission denied\n')).toEqual({ problem: 'open: Permission denied' })
  expect(parseMapSync('')).toEqual({ problem: 'the test program did not answer' })
})
