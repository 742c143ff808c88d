import { mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { makeCase } from '../../test/agreement/cases.ts'
import { parseMachine } from '../machine/machine.ts'
import { parseKeptMachine } from './kept-machine.ts'

let cacheFolder = ''
beforeEach(() => {
  cacheFolder = mkdtempSync(join(tmpdir(), 'bringup-kept-'))
})
afterEach(() => rmSync(cacheFolder, { recursive: true }))

const kept = (
  input: Parameters<typeof parseMachine>[1],
  build: string | undefined = 'one',
  place = ['here'],
) => parseKeptMachine('m', input, { cacheFolder, place }, build)

test('what is kept is what would be parsed, for any machine', () => {
  for (let i = 0; i < 200; i++) {
    const { machine } = makeCase(7, 2 * i)
    const parsed = parseMachine('m', machine)
    expect(kept(machine)).toEqual(parsed)
    // From the file this time: an answer of its own, with the same content.
    const again = kept(machine)
    expect(again).toEqual(parsed)
    expect(Object.keys(again)).toEqual(Object.keys(parsed))
  }
  expect(readdirSync(join(cacheFolder, 'machines'))).toHaveLength(1)
})

test('another description, another build and another place are parsed anew', () => {
  expect(kept({ memory: '64M' }).memory.size).toBe(64 << 20)
  expect(kept({ memory: '65M' }).memory.size).toBe(65 << 20)
  const file = join(cacheFolder, 'machines', readdirSync(join(cacheFolder, 'machines'))[0] ?? '')
  writeFileSync(
    file,
    JSON.stringify({ build: 'one', input: JSON.stringify({ memory: '65M' }), machine: { kept: true } }),
  )
  expect(kept({ memory: '65M' })).toEqual({ kept: true })
  expect(kept({ memory: '65M' }, 'one', ['there']).memory.size).toBe(65 << 20)
  expect(kept({ memory: '65M' }, 'two').memory.size).toBe(65 << 20)
})

test('a wrong description is refused every time, and a broken file is an answer not kept', () => {
  for (let i = 0; i < 2; i++) expect(() => kept({ memory: '64X' })).toThrow('CONFIG_INVALID')
  kept({})
  const [file = ''] = readdirSync(join(cacheFolder, 'machines'))
  for (const text of ['', 'null', '[]', '{"build":"one","input":"{}"}']) {
    writeFileSync(join(cacheFolder, 'machines', file), text)
    expect(kept({})).toEqual(parseMachine('m', {}))
  }
})
