/** Projects whose folders have names that mean something to QEMU, to a shell or to a URL, or are very long. */
import {
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, test } from 'vitest'
import { readCapabilities } from '../../src/qemu/capabilities.ts'
import { findQemu } from '../../src/qemu/find.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const top = mkdtempSync(join(tmpdir(), 'project-paths-'))
afterAll(() => rmSync(top, { recursive: true, force: true }))

const long = 'long'.repeat(50)
const NAMES = [
  '%d',
  '100%',
  'a,b,,c',
  'a b',
  'a:b:rw:c',
  'a\nb',
  '{run}',
  '{fd:ib-memory}',
  'q"\'$x`\\',
  `${long}/${long}`,
  '[x]*?=é',
]
const ALL = '%d, a:b\n{run} =é'
let count = 0

function project(name: string, config: object): string {
  const folder = join(top, `${count++}`, name)
  mkdirSync(folder, { recursive: true })
  writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify(config))
  return folder
}

const bringup = (cwd: string, ...words: readonly string[]) =>
  execa(process.execPath, [BIN, ...words], { cwd, reject: false })

const machine = { memory: '64M', timeout: '10m', boot: { append: 'report=no' } }
const devices = [
  { kind: 'nvdimm', id: 'pm0', size: '16M' },
  { kind: 'disk', id: 'd0', size: '1M', persist: true },
  { kind: 'disk', id: 'd1', size: '1M' },
  { kind: 'ivshmem', id: 'iv', size: '1M', file: 'shm' },
  { kind: 'ivshmem', id: 'ib', size: '1M', vectors: 1 },
]

describe('a project in a folder named', () => {
  test.each(NAMES)('%j boots, and its record is where it belongs', async (name) => {
    const folder = project(name, { machines: { default: { ...machine, devices } } })
    const { exitCode, stderr } = await bringup(folder, 'run')
    expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('error')])
    const runs = join(folder, '.bringup/runs')
    const [id = ''] = readdirSync(runs)
    const guest = join(runs, id, 'guests/default')
    expect(readFileSync(join(guest, 'qemu.log'), 'utf8')).toContain('CPU Reset')
    expect(existsSync(join(folder, 'shm'))).toBe(true)
    // Nothing was made beside the project.
    expect(readdirSync(join(folder, '..'))).toHaveLength(1)
  })
})

test('UEFI with a folder to boot from, variables that stay, and a path with all of that', async () => {
  const qemu = await readCapabilities(findQemu('x86_64'), 'x86_64', join(top, 'cache'))
  const folder = project(ALL, {
    machines: {
      default: {
        ...machine,
        memory: '256M',
        timeout: '20m',
        boot: { firmware: 'uefi', variables: 'vars.fd' },
      },
    },
  })
  copyFileSync(qemu.firmware['OVMF_VARS_4M.fd'] ?? '', join(folder, 'vars.fd'))
  const { exitCode, stderr } = await bringup(folder, 'run')
  expect([exitCode, stderr]).toEqual([0, expect.not.stringContaining('error')])
})

test('a rack with a network, a shared memory and a service; a run that stays', async () => {
  const guest = { machine, nics: ['lan'], memory: ['window'] }
  const folder = project(ALL, {
    machines: { default: { ...machine, boot: { append: 'report=no ready-hang' } } },
    racks: {
      pair: {
        guests: { a: guest, b: guest },
        networks: { lan: { capture: true } },
        memory: { window: { size: '1M', vectors: 1 } },
        services: { one: { argv: ['sh', '-c', 'echo ready; exec sleep 1000'], ready: { pattern: 'ready' } } },
      },
    },
  })
  const rack = await bringup(folder, 'run', '--rack', 'pair')
  expect([rack.exitCode, rack.stderr]).toEqual([0, expect.not.stringContaining('error')])
  const stays = await bringup(folder, 'run', '-d', '--name', 'stays')
  expect([stays.exitCode, stays.stderr]).toEqual([0, expect.not.stringContaining('error')])
  expect((await bringup(folder, 'ps')).stdout).toContain('stays')
  expect((await bringup(folder, 'stop', 'stays')).exitCode).toBe(0)
})
