import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { bootImage, iso } from '../../test/support/media.ts'
import type { MachineInput } from '../machine/machine.ts'
import { DEFAULT_MACHINE, type Project } from './project.ts'
import { chooseRun } from './selection.ts'

const folder = mkdtempSync(join(tmpdir(), 'bringup-booted-medium-'))
afterAll(() => rmSync(folder, { recursive: true }))

beforeAll(() => {
  writeFileSync(join(folder, 'my.iso'), iso())
  const efi = iso()
  efi[19 * 2048 + 1] = 0xef
  writeFileSync(join(folder, 'efi.iso'), efi)
  writeFileSync(join(folder, 'data.iso'), Buffer.alloc(100_000))
  writeFileSync(join(folder, 'boot.img'), bootImage(4096))
  writeFileSync(join(folder, 'root.qcow2'), bootImage(4096))
})

const project: Project = {
  folder,
  machines: { default: DEFAULT_MACHINE },
  racks: {},
  defaultMachine: 'default',
  profiles: [],
  stateFolder: join(folder, '.bringup'),
}

/** Profile, firmware and notes of flags. */
async function chosen(overrides: MachineInput, more: object = {}) {
  const { profile, machine, notes } = await chooseRun({ project, overrides, ...more })
  return [profile.name, machine.boot?.firmware, notes.find((note) => note.startsWith('booting'))]
}

const cdrom = (file: string) => ({ kind: 'cdrom', file }) as const
const disk = (file: string) => ({ kind: 'disk', file }) as const

it('boots an ISO, a floppy and a disk that has a boot record', async () => {
  const by = (text: string) => expect.stringContaining(text)
  expect(await chosen({ devices: [cdrom('my.iso')] })).toEqual([
    'bare',
    undefined,
    by('booting my.iso by BIOS'),
  ])
  expect(await chosen({ devices: [cdrom('efi.iso')] })).toEqual([
    'bare',
    'uefi',
    by('booting efi.iso by UEFI'),
  ])
  expect(await chosen({ devices: [disk('boot.img')] })).toEqual([
    'bare',
    undefined,
    by('booting boot.img by BIOS'),
  ])
  const small = by('only on --type pc with bus=ide')
  expect(await chosen({ devices: [disk('boot.img')] })).toEqual(['bare', undefined, small])
  expect(await chosen({ type: 'pc', devices: [{ ...disk('boot.img'), bus: 'ide' }] })).toEqual([
    'bare',
    undefined,
    expect.not.stringContaining('SeaBIOS'),
  ])
  const both = [cdrom('my.iso'), { kind: 'floppy', file: 'boot.img' } as const]
  expect(await chosen({ devices: both })).toEqual(['bare', undefined, by('booting boot.img')])
  const first = [{ ...cdrom('my.iso'), bootindex: 0 }, disk('boot.img')]
  expect(await chosen({ devices: first })).toEqual(['bare', undefined, by('booting my.iso')])
})

it('says so where the bundled kernel boots all the same', async () => {
  const note = expect.stringContaining('--profile bare')
  expect(await chosen({ devices: [cdrom('data.iso')] })).toEqual(['probe', undefined, note])
  expect(await chosen({ devices: [disk('root.qcow2')] })).toEqual(['probe', undefined, note])
  expect(await chosen({ devices: [{ kind: 'disk', size: '1M' }] })).toEqual(['probe', undefined, undefined])
})

it('leaves media alone where something else is said to boot', async () => {
  const devices = [cdrom('my.iso')]
  expect(await chosen({ devices }, { profile: 'probe' })).toEqual(['probe', undefined, undefined])
  expect(await chosen({ devices, profile: 'linux' })).toEqual(['linux', undefined, undefined])
  expect(await chosen({ devices, boot: { kernel: 'k.elf' } })).toEqual(['bare', undefined, undefined])
  expect(await chosen({ devices, boot: { firmware: 'uefi' } })).toEqual(['probe', 'uefi', undefined])
})

it('says what hardware flags leave out of the built-in machine', async () => {
  const notesOf = async (overrides: MachineInput, more: object = {}) =>
    (await chooseRun({ project, overrides, ...more })).notes
  const note =
    'hardware flags describe the whole machine, here 1 CPU and 1G of RAM; to change the built-in machine instead (two NUMA nodes, a CPU each, and a persistent DIMM on node 1), add -m default'
  for (const overrides of [{ memory: { size: '1G' } }, { type: 'q35', memory: '1G' }] as const)
    expect(await notesOf(overrides)).toEqual([note])
  expect(await notesOf({ numa: { nodes: 2 }, devices: [] })).toHaveLength(1)
  expect(await notesOf({ cpu: { count: 4 }, numa: { nodes: 2 } })).toEqual([])
  expect(await notesOf({ accel: 'tcg' })).toEqual([])
  expect(await notesOf({ memory: '1G' }, { machine: 'default' })).toEqual([])
  expect(await notesOf({ memory: '1G' }, { profile: 'linux', command: ['true'] })).toEqual([])
})

it('names the media that could boot too', async () => {
  const [, , note] = await chosen({ devices: [cdrom('my.iso'), disk('boot.img'), cdrom('data.iso')] })
  expect(note).toMatch(/^booting boot\.img by BIOS.*; my\.iso could boot too: .*bootindex=0/)
  const [, , other] = await chosen({ devices: [{ ...cdrom('my.iso'), bootindex: 0 }, disk('boot.img')] })
  expect(other).toMatch(/^booting my\.iso by BIOS.*; boot\.img could boot too/)
})
