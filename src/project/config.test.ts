import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { findConfig } from './config-file.ts'
import { loadProject } from './project.ts'

const top = mkdtempSync(join(tmpdir(), 'bringup config, '))
afterAll(() => rmSync(top, { recursive: true }))

let folder = top
beforeEach(() => {
  folder = mkdtempSync(join(top, 'p'))
})

function write(name: string, text: string): string {
  const file = join(folder, name)
  writeFileSync(file, text)
  return file
}

async function problemsOf(promise: Promise<unknown>): Promise<BringupError> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  if (error instanceof BringupError) return error
  throw new Error(`expected a BringupError, not ${String(error)}`)
}

describe('finding', () => {
  test('looks upwards for the nearest, whatever its extension', () => {
    const file = write('bringup.config.mjs', '')
    const deep = join(folder, 'a/b')
    mkdirSync(deep, { recursive: true })
    expect(findConfig({ cwd: deep })).toBe(file)
    expect(findConfig({ cwd: top, project: folder })).toBe(file)
  })

  test('refuses a folder with two, and a path to nothing', async () => {
    write('bringup.config.json', '{}')
    write('bringup.config.js', '')
    expect((await problemsOf(loadProject({ cwd: folder }))).code).toBe('CONFIG_AMBIGUOUS')
    expect((await problemsOf(loadProject({ cwd: folder, project: 'none' }))).code).toBe('CONFIG_NOT_FOUND')
  })

  test('without one there is a default machine with two nodes and an NVDIMM', async () => {
    const project = await loadProject({ cwd: folder })
    expect(project).toMatchObject({
      folder,
      defaultMachine: 'default',
      stateFolder: join(folder, '.bringup'),
    })
    expect(project.machines.default?.devices).toMatchObject([{ kind: 'nvdimm', node: 1 }])
    expect((await loadProject({ cwd: folder, state: 'elsewhere' })).stateFolder).toBe(
      join(folder, 'elsewhere'),
    )
  })
})

describe('loading', () => {
  test('TypeScript that imports bringup, where bringup is not installed', async () => {
    write(
      'bringup.config.ts',
      `import { defineConfig, MiB } from 'bringup'
       const size: number = 256 * MiB
       export default defineConfig({ machines: { small: { memory: { size } } } })`,
    )
    const project = await loadProject({ cwd: folder })
    expect(project.machines.small?.memory).toMatchObject({ size: 268435456 })
    expect(project.defaultMachine).toBe('small')
  })

  test.each([['bringup.config.js'], ['bringup.config.mjs']])('%s', async (name) => {
    write(name, 'export default { machines: { one: {} } }')
    expect(Object.keys((await loadProject({ cwd: folder })).machines)).toEqual(['one'])
  })

  test('CommonJS', async () => {
    write('bringup.config.js', 'module.exports = { machines: { one: {} } }')
    expect(Object.keys((await loadProject({ cwd: folder })).machines)).toEqual(['one'])
  })

  test('JSON, with a $schema for the editor', async () => {
    write('bringup.config.json', '{ "$schema": "./bringup.schema.json", "machines": { "one": {} } }')
    expect(Object.keys((await loadProject({ cwd: folder })).machines)).toEqual(['one'])
  })

  test('reads the file again after a change', async () => {
    write('bringup.config.ts', 'export default { machines: { one: {} } }')
    await loadProject({ cwd: folder })
    write('bringup.config.ts', 'export default { machines: { two: {} } }')
    expect(Object.keys((await loadProject({ cwd: folder })).machines)).toEqual(['two'])
  })
})

describe('what is wrong with a config', () => {
  test('a syntax error has its line', async () => {
    const file = write('bringup.config.ts', 'export default {\n  machines: { : 1 },\n}\n')
    const error = await problemsOf(loadProject({ cwd: folder }))
    expect(error.code).toBe('CONFIG_SYNTAX')
    expect(error.message).toContain(`${file}:2:15: Unexpected token`)
    expect(error.diagnostics[0]?.evidence).toEqual(['2 |   machines: { : 1 },', '                  ^'])
  })

  test('an error thrown by it has its line, and no stack', async () => {
    const file = write('bringup.config.ts', "\n\nthrow new Error('no kernel tree')\nexport default {}\n")
    const error = await problemsOf(loadProject({ cwd: folder }))
    expect(error.code).toBe('CONFIG_THREW')
    expect(error.diagnostics[0]?.what).toMatch(/:3:\d+: no kernel tree$/)
    expect(error.diagnostics[0]?.what).toContain(file)
  })

  test.each([['export const machines = {}'], ['export default 7'], ['export default []']])(
    '%s exports no config',
    async (text) => {
      write('bringup.config.ts', text)
      expect((await problemsOf(loadProject({ cwd: folder }))).code).toMatch(
        /CONFIG_EXPORTS_NOTHING|CONFIG_UNKNOWN_KEY/,
      )
    },
  )

  test('all mistakes are told at once, each with its path and the word that was meant', async () => {
    write(
      'bringup.config.json',
      JSON.stringify({
        machines: {
          a: { memroy: {}, memory: { size: '5 bananas' } },
          b: { devices: [{ kind: 'nvdimm', sise: '1G', size: '1G' }] },
        },
      }),
    )
    const { diagnostics } = await problemsOf(loadProject({ cwd: folder }))
    const byPath = Object.fromEntries(diagnostics.map((d) => [d.path, d]))
    expect(Object.keys(byPath).sort()).toEqual([
      'machines.a.memory.size',
      'machines.a.memroy',
      'machines.b.devices[0].sise',
    ])
    expect(byPath['machines.a.memroy']?.remedy).toContain('"memory"')
    expect(byPath['machines.b.devices[0].sise']?.remedy).toContain('"size"')
    expect(byPath['machines.a.memory.size']?.what).toContain('5 bananas')
  })
})
