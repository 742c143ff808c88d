import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { withLock } from '../../../processes/file-lock.ts'
import { dependenciesIn, kernelPackages, packagesIn } from './packages.ts'

const folder = mkdtempSync(join(tmpdir(), 'packages, '))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

test('names in Depends, the first of alternatives', () => {
  expect(
    dependenciesIn(
      'Package: x\nDepends: linux-image-6.8.0-31-generic (= 6.8), kmod | busybox, libc6:any\nPriority: optional\n',
    ),
  ).toEqual(['linux-image-6.8.0-31-generic', 'kmod', 'libc6'])
})

test('packages that apt would fetch, with their epochs', () => {
  const uris = `'http://deb.debian.org/p/libtraceevent1_1.7.1-1_amd64.deb' libtraceevent1_1%3a1.7.1-1_amd64.deb 49732 MD5Sum:ad2d\nnoise\n`
  expect(packagesIn(uris)).toEqual(['libtraceevent1=1:1.7.1-1'])
})

test('a package that apt does not know is said with what to do', async () => {
  const context = { folder, signal: new AbortController().signal, progress: () => {} }
  await expect(kernelPackages('linux-image-of-nobody', context)).rejects.toMatchObject({
    code: expect.stringMatching(/LINUX_(PACKAGE_UNKNOWN|NO_APT)/),
  })
})

test('work under the lock is never done by two at once', async () => {
  let inside = 0
  let most = 0
  const work = async () => {
    most = Math.max(most, ++inside)
    await new Promise((resolve) => setImmediate(resolve))
    inside -= 1
  }
  await Promise.all(Array.from({ length: 6 }, () => withLock(join(folder, 'a lock, with a comma'), work)))
  expect(most).toBe(1)
})
