import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { bringFirmware } from './firmware.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'bringup-firmware-'))
})
afterEach(() => {
  vi.doUnmock('node:fs')
  rmSync(folder, { recursive: true, force: true })
})

const bring = (isPc: boolean, from = bringFirmware) =>
  from({ folder, work: folder, environment: {} }, { isPc, signal: new AbortController().signal })

test('firmware of the source is used', async () => {
  mkdirSync(join(folder, 'share/qemu'), { recursive: true })
  writeFileSync(join(folder, 'share/qemu/bios-256k.bin'), '')
  expect(await bring(true)).toEqual(['-L', '{folder}/share/qemu'])
})

test('a QEMU of a PC for which no folder has firmware is refused; another one is not', async () => {
  vi.resetModules()
  vi.doMock('node:fs', async (original) => ({
    ...(await original<typeof import('node:fs')>()),
    existsSync: () => false,
  }))
  const { bringFirmware: without } = await import('./firmware.ts')
  await expect(bring(true, without)).rejects.toMatchObject({ code: 'QEMU_FIRMWARE_MISSING' })
  expect(await bring(false, without)).toEqual(['-L', '{folder}/share/qemu'])
})
