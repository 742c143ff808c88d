import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { packagedKernel, updatePins } from './kernel.ts'
import { shareOf } from './packages.ts'
import { readPins, writePin } from './pins.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-pins-'))
afterAll(() => rmSync(folder, { recursive: true }))
const context = { folder: join(folder, 'cache'), signal: new AbortController().signal, progress: () => {} }
const gone = { packages: ['linux-image-0.0.1-none=0.0.1-1'], folders: ['linux-image-0.0.1-none_0.0.1-1_x'] }
const wanted = { kernelPackage: undefined, needsFullKernel: true, pinFolder: folder }

test('a version stays until it is changed', () => {
  expect(readPins(folder)).toEqual({})
  writePin(folder, 'default', gone)
  writePin(folder, 'full', gone)
  expect(readPins(folder)).toEqual({ default: gone, full: gone })
  writeFileSync(join(folder, 'kernels.json'), '{"a":{"packages":["x"],"folders":["../x"]},"b":1}')
  expect(readPins(folder)).toEqual({})
})

test('a pinned version that is in the cache needs no apt', async () => {
  const boot = join(context.folder, 'packages', gone.folders[0] ?? '', 'boot')
  mkdirSync(boot, { recursive: true })
  writeFileSync(join(boot, 'vmlinuz-0.0.1-none'), 'no kernel')
  expect(await packagedKernel({ ...wanted, pin: gone }, context)).toMatchObject({
    release: '0.0.1-none',
    pin: gone,
  })
  rmSync(context.folder, { recursive: true })
})

test('one that is neither cached nor available is a finding; an update chooses the newest', async () => {
  await expect(packagedKernel({ ...wanted, pin: gone }, context)).rejects.toMatchObject({
    code: 'LINUX_KERNEL_PIN_GONE',
    diagnostics: [
      { what: expect.stringContaining('0.0.1-1'), remedy: expect.stringContaining('bringup update') },
    ],
  })
  writePin(folder, 'full', gone)
  const [change] = await updatePins(folder, context)
  expect(change).toMatchObject({ what: 'kernel (full)', from: gone.packages[0] })
  expect(change?.to).toMatch(/^linux-image-\d\S+=\d/)
  expect(change?.bytes).toBeGreaterThan(10_000_000)
  expect(readPins(folder).full?.packages.join(' ')).toBe(change?.to)
})

test('a download tells each quarter once', () => {
  const said: string[] = []
  const say = shareOf(4 * 2 ** 20, (share) => said.push(share))
  for (const bytes of [0, 10, 2 ** 20, 2 ** 20 + 1, 3 * 2 ** 20, 4 * 2 ** 20]) say(bytes)
  expect(said).toEqual(['25 % of 4M', '75 % of 4M'])
})
