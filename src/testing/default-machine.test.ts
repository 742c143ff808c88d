import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { defaultMachine } from './default-machine.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'default-machine-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const write = (config: object) => writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(config))

test('is that of the config', async () => {
  write({ machines: { default: {}, big: {} }, defaultMachine: 'big' })
  expect(await defaultMachine(folder)).toBe('big')
})

test('is "default" where the config names no other', async () => {
  write({ machines: { default: { cpu: 2 } } })
  expect(await defaultMachine(folder)).toBe('default')
})

test('is empty without a config', async () => {
  expect(await defaultMachine(folder)).toEqual({})
})
