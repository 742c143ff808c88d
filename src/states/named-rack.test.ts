import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import type { RunPlan } from '../plan/run-plan.ts'
import { isRackFolder, readNamed } from './named.ts'
import { addRackPlan, readNamedRack } from './named-rack.ts'
import { RACK_FILE, type RackRecord } from './rack-record.ts'
import { FILES, FORMAT } from './record.ts'

const record: RackRecord = {
  format: FORMAT,
  key: 'filled',
  rack: 'pair',
  made: new Date(0).toISOString(),
  guests: [],
  networks: ['lan'],
  memories: [],
  keepsFrames: false,
  frames: {},
  bytes: 0,
}

const plan: RunPlan = {
  name: 'pair',
  isRack: true,
  services: [],
  networks: [],
  guests: [],
  pending: [],
  diagnostics: [],
}

/** A named rack without guests, as `state save` leaves it. */
function namedRack(saved: RunPlan = plan) {
  const states = mkdtempSync(join(tmpdir(), 'bringup named rack '))
  onTestFinished(() => rmSync(states, { recursive: true, force: true }))
  const folder = join(states, 'filled')
  mkdirSync(folder, { mode: 0o700 })
  const write = (name: string, content: string) => writeFileSync(join(folder, name), content, { mode: 0o600 })
  write(RACK_FILE, JSON.stringify(record))
  addRackPlan(folder, saved, [])
  const edit = (name: string, from: string, to: string) =>
    write(name, readFileSync(join(folder, name), 'utf8').replace(from, to))
  return { folder, write, edit, read: () => readNamedRack(folder, 'filled') }
}

test('is read as it was saved', () => {
  const { folder, read } = namedRack()
  expect(isRackFolder(folder)).toBe(true)
  expect(read()).toEqual({ name: 'filled', folder, record, plan, guests: [] })
})

test('is refused where one of its files was edited', () => {
  const { edit, read } = namedRack()
  edit('fork.json', '"name":"pair"', '"name":"pear"')
  expect(read).toThrow('fork.json is missing or was edited')
  edit('fork.json', '"name":"pear"', '"name":"pair"')
  edit(RACK_FILE, '"lan"', '"wan"')
  expect(read).toThrow('rack.json is not the record that fork.json was written with')
})

test('is refused with the plan of another run', () => {
  expect(namedRack({ ...plan, isRack: false }).read).toThrow('is not that of this rack')
})

test('is refused as a guest, and a guest as a rack', () => {
  const { folder, write, read } = namedRack()
  expect(() => readNamed(folder, 'filled')).toThrow('has the state of a rack')
  write(FILES.record, '{}')
  expect(read).toThrow('has the record of a guest besides that of a rack')
  rmSync(join(folder, RACK_FILE))
  expect(isRackFolder(folder)).toBe(false)
  expect(read).toThrow('has the state of a guest, not that of a rack')
  rmSync(join(folder, FILES.record))
  expect(read).toThrow('has no saved state')
})
