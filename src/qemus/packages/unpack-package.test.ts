import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { aptFailure } from './apt-copy.ts'
import { unpackPackage } from './unpack-package.ts'

test('a package that cannot be unpacked is a finding', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-deb-'))
  try {
    writeFileSync(join(folder, 'a.deb'), 'no archive')
    const to = { folder: join(folder, 'to'), suite: 'sid' }
    await expect(unpackPackage(join(folder, 'a.deb'), to, { environment: {} })).rejects.toMatchObject({
      code: 'QEMU_APT_FAILED',
    })
  } finally {
    rmSync(folder, { recursive: true })
  }
})

test('a full disk is named as one', () => {
  const lines = ['dpkg-deb: error: <decompress> subprocess: failed to write (No space left on device)']
  expect(aptFailure(['dpkg-deb', '--extract'], 'sid', lines)).toMatchObject({ code: 'QEMU_DISK_FULL' })
})
