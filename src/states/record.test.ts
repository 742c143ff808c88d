import { createHash } from 'node:crypto'
import {
  chmodSync,
  chownSync,
  lchownSync,
  mkdirSync,
  mkdtempSync,
  renameSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { findStates, keptStates, pruneStates, removeState } from './kept.ts'
import { exchangeableWhy, FORMAT, readState, type StateRecord, sealOf } from './record.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup-states-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

/** A folder as `seal` leaves it. */
function makeState(path: string, ramBytes = 4096): string {
  const folder = join(home, path)
  mkdirSync(folder, { mode: 0o700 })
  const image = `${folder}.img`
  writeFileSync(image, 'image')
  const write = (name: string, content: string | Buffer) => {
    writeFileSync(join(folder, name), content, { mode: 0o600 })
    return { name, seal: sealOf(join(folder, name)) }
  }
  const record: StateRecord = {
    format: FORMAT,
    key: basename(path),
    parts: {},
    machine: 'default',
    profile: 'linux',
    made: '2026-01-01T00:00:00.000Z',
    qemu: { path: '/usr/bin/qemu-system-x86_64', version: '7.2.0' },
    moment: 'its first answer',
    boot: '00'.repeat(16),
    resumed: 0,
    ram: [write('ram.ram', Buffer.alloc(ramBytes, 'r'))],
    stores: [{ ...write('pm0.store', 's'), path: '/stores/pm0.img' }],
    disks: [
      {
        drive: 'root-drive',
        own: [{ ...write('root-drive.0', 'd'), format: 'qcow2' }],
        others: [{ path: image, format: 'raw' }],
      },
    ],
    images: [{ path: image, seal: sealOf(image) }],
    devices: write('devices', 'device state'),
    console: write('console.log', 'Linux version\n'),
    devicesSha256: createHash('sha256').update('device state').digest('hex'),
    bytes: ramBytes,
  }
  write('state.json', JSON.stringify(record))
  return folder
}

describe('readState', () => {
  test('reads what was saved, and says nothing of what is not there', () => {
    expect(readState(makeState('whole'))).toMatchObject({ key: 'whole' })
    expect(readState(join(home, 'nothing'))).toBeUndefined()
  })

  test('refuses it under another key', () => {
    const folder = makeState('renamed')
    expect(readState(folder, 'renamed')).toMatchObject({ key: 'renamed' })
    expect(readState(folder, 'asked')).toMatch(/is the record of another state, renamed/)
  })

  const ways: Readonly<Record<string, readonly [change: (folder: string) => void, because: RegExp]>> = {
    'what the guest wrote to a disk was edited': [
      (f) => writeFileSync(join(f, 'root-drive.0'), 'x', { flag: 'r+' }),
      /root-drive\.0 was changed/,
    ],
    'an image below a disk was written to': [
      (f) => writeFileSync(`${f}.img`, 'x', { flag: 'r+' }),
      /the image .*\.img was changed/,
    ],
    'an image below a disk is missing': [(f) => rmSync(`${f}.img`), /the image .*\.img was changed/],
    'RAM was edited': [(f) => writeFileSync(join(f, 'ram.ram'), 'x', { flag: 'r+' }), /ram\.ram was changed/],
    'the text of the console was edited': [
      (f) => writeFileSync(join(f, 'console.log'), 'All tests passed\n'),
      /console\.log was changed/,
    ],
    'RAM was edited and its time set back': [
      (f) => {
        writeFileSync(join(f, 'ram.ram'), 'x', { flag: 'r+' })
        utimesSync(join(f, 'ram.ram'), 0, 0)
      },
      /ram\.ram was changed/,
    ],
    'RAM was cut': [(f) => truncateSync(join(f, 'ram.ram'), 10), /ram\.ram was changed/],
    'a store was replaced by a copy of itself': [
      (f) => {
        writeFileSync(join(f, 'copy'), 's', { mode: 0o600 })
        renameSync(join(f, 'copy'), join(f, 'pm0.store'))
      },
      /pm0\.store was changed/,
    ],
    'the devices were cut': [(f) => truncateSync(join(f, 'devices'), 3), /devices was changed/],
    'a file is missing': [(f) => rmSync(join(f, 'ram.ram')), /ram\.ram is missing/],
    'the folder is open to others': [(f) => chmodSync(f, 0o755), /is open to other users/],
    'the record is open to others': [
      (f) => chmodSync(join(f, 'state.json'), 0o644),
      /is open to other users/,
    ],
    'the record is of another version': [
      (f) => writeFileSync(join(f, 'state.json'), '{"format":99}'),
      /is not a record/,
    ],
    'the record is no JSON': [(f) => writeFileSync(join(f, 'state.json'), '{'), /state\.json: /],
  }
  for (const [name, [change, because]] of Object.entries(ways))
    test(`refuses it where ${name}`, () => {
      const folder = makeState(name)
      change(folder)
      expect(readState(folder)).toMatch(because)
    })

  test.runIf(process.getuid?.() === 0)('refuses it where it belongs to another user', () => {
    const folder = makeState('foreign')
    chownSync(join(folder, 'ram.ram'), 65534, 65534)
    expect(readState(folder)).toMatch(/belongs to another user/)
  })
})

describe('exchangeableWhy', () => {
  const make = (name: string, mode: number) => {
    const folder = join(home, name)
    mkdirSync(folder)
    chmodSync(folder, mode)
    return folder
  }

  test('accepts own folders, links to them, and missing ones', () => {
    const folder = make('own', 0o755)
    symlinkSync(folder, `${folder}-link`)
    for (const path of [folder, `${folder}-link`, join(home, 'nothing')])
      expect(exchangeableWhy(path)).toBeUndefined()
  })

  test('names a folder to which others can write, also behind a link', () => {
    const folder = make('open', 0o777)
    symlinkSync(folder, `${folder}-link`)
    for (const path of [folder, `${folder}-link`, make('of a group', 0o770)])
      expect(exchangeableWhy(path)).toBe(`other users can write to ${path}`)
  })

  test.runIf(process.getuid?.() === 0)('names a folder of another user, and a link of another user', () => {
    const folder = make('foreign folder', 0o700)
    symlinkSync(folder, `${folder}-link`)
    chownSync(folder, 65534, 65534)
    const link = join(home, 'foreign link')
    symlinkSync(make('behind it', 0o700), link)
    lchownSync(link, 65534, 65534)
    for (const path of [folder, `${folder}-link`, link])
      expect(exchangeableWhy(path)).toBe(`${path} belongs to another user`)
  })
})

describe('kept states', () => {
  const folder = join(home, 'kept')
  const make = (key: string, bytes: number, usedAt: number) => {
    const path = makeState(join('kept', key), bytes)
    utimesSync(join(path, 'state.json'), usedAt, usedAt)
  }

  test('go by their last use, damaged ones first; one in use stays', async () => {
    mkdirSync(folder)
    make('aa1', 2 ** 20, 1000)
    make('aa2', 2 ** 20, 3000)
    make('bb3', 2 ** 20, 2000)
    make('cc4', 4096, 4000)
    rmSync(join(folder, 'cc4', 'ram.ram'))
    expect(keptStates(folder).map(({ key }) => key)).toEqual(['cc4', 'aa2', 'bb3', 'aa1'])
    expect(findStates(folder, ['bb', 'aa1']).map(({ key }) => key)).toEqual(['bb3', 'aa1'])
    expect(() => findStates(folder, ['aa', 'dd'])).toThrow(
      /2 keys start with "aa".*|no state has the key "dd"/s,
    )
    expect(() => findStates(folder, [''])).toThrow(/an empty text is no key/)
    renameSync(join(folder, 'bb3'), join(folder, 'dd5'))
    expect(keptStates(folder).find(({ key }) => key === 'dd5')?.damage).toMatch(/of another state, bb3/)
    renameSync(join(folder, 'dd5'), join(folder, 'bb3'))
    const removed = await pruneStates(folder, 2.5 * 2 ** 20)
    expect(removed.map(({ key }) => key)).toEqual(['cc4', 'aa1'])
    for (const state of keptStates(folder)) await removeState(state)
    expect(keptStates(folder)).toEqual([])
  })
})
