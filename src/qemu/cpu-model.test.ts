import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, it } from 'vitest'
import { readCapabilities } from './capabilities.ts'
import { readCpuModel } from './cpu-model.ts'
import { findQemu } from './find.ts'

const cacheFolder = mkdtempSync(join(tmpdir(), 'bringup-cpu-model-'))
afterAll(() => rmSync(cacheFolder, { recursive: true }))

it('knows long mode and x2APIC of each model, from QEMU and then from the cache', async () => {
  const qemu = await readCapabilities(findQemu('x86_64'), 'x86_64', cacheFolder)
  const ask = (model: string, ...features: readonly string[]) =>
    readCpuModel({ qemu, model, features, cacheFolder })
  const models = [
    ['qemu64', { hasLongMode: true, hasX2apic: false }],
    ['qemu32', { hasLongMode: false, hasX2apic: false }],
    ['SandyBridge', { hasLongMode: true, hasX2apic: true }],
  ] as const
  for (const pass of ['asked', 'kept'])
    for (const [name, answer] of models) expect(await ask(name), pass).toEqual({ name, ...answer })
  expect(await ask('max')).toBeUndefined()
  expect(await ask('no-such-model')).toBeUndefined()
})
