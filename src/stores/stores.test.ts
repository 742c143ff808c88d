/** Stores as files: made, grown, copied, removed, with what is in them and what is written down of them. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import {
  appendFileSync,
  closeSync,
  copyFileSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readdirSync,
  readFileSync,
  readSync,
  renameSync,
  rmSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { deflateRawSync } from 'node:zlib'
import { afterAll, beforeEach, describe, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { KiB, MiB } from '../units.ts'
import { cloneStore, snapshotStore } from './clone.ts'
import { createStore, removeStore } from './create.ts'
import { appendJournal, journalPath } from './journal.ts'
import { existingStoreAt, newStoreAt, storeAt, storeName, storesIn } from './place.ts'
import { beginUse } from './record.ts'
import { resizeStore } from './resize.ts'
import { openStore } from './store.ts'

const top = mkdtempSync(join(tmpdir(), 'stores, '))
afterAll(() => rmSync(top, { recursive: true }))
let folder = ''
let stateFolder = ''
beforeEach(() => {
  folder = mkdtempSync(join(top, 'a folder '))
  stateFolder = join(folder, '.bringup')
})
const at = (name: string) => join(folder, name)
const journalOf = (name: string) => `${at(name)}.bringup.jsonl`
const LABEL = 128 * KiB
const INDEX = 'NAMESPACE_INDEX\0'

function put(path: string, offset: number, text: string): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, Buffer.from(text, 'latin1'), 0, text.length, offset)
  closeSync(fd)
}

function get(path: string, offset: number, length: number): string {
  const buffer = Buffer.alloc(length)
  const fd = openSync(path, 'r')
  readSync(fd, buffer, 0, length, offset)
  closeSync(fd)
  return buffer.toString('latin1')
}

async function codesOf(promise: Promise<unknown>): Promise<readonly string[]> {
  const error = await promise.then(
    () => undefined,
    (e: unknown) => e,
  )
  if (error instanceof BringupError) return error.diagnostics.map((d) => d.code)
  throw new Error('no BringupError', { cause: error })
}

const create = (name: string, size: number, more: { label?: number; discard?: boolean } = {}) =>
  createStore({ path: at(name), size, label: 0, discard: false, stateFolder, ...more })
const resize = (name: string, size: number, more: { label?: number; discard?: boolean } = {}) =>
  resizeStore({ path: at(name), size, discard: false, stateFolder, ...more })
const clone = (from: string, to: string, more: { label?: number; size?: number; evenInUse?: boolean } = {}) =>
  cloneStore({ from: at(from), to: at(to), stateFolder, ...more })
const open = (name: string) => openStore(at(name), { stateFolder })

/** Holds the lock as QEMU does, until it is told to end. */
async function holder(name: string, mode: 'exclusive' | 'shared'): Promise<AsyncDisposable> {
  const child = spawn('flock', ['--no-fork', `--${mode}`, at(name), 'cat'], {
    stdio: ['pipe', 'pipe', 'inherit'],
  })
  child.stdin.write('x')
  await once(child.stdout, 'data')
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await once(child, 'exit')
    },
  }
}

describe('making a store', () => {
  test('makes a sparse file of data and label area, and remembers both', async () => {
    const store = await create('pm.img', 16 * MiB, { label: LABEL })
    expect(store).toMatchObject({
      kind: 'file',
      bytes: 16 * MiB + LABEL,
      size: 16 * MiB,
      label: LABEL,
      allocatedBytes: 0,
    })
    expect(store.record).toMatchObject({ isOfThisFile: true, uses: [] })
    expect(store.lastUse).toBeUndefined()
    expect(store.isClean).toBeUndefined()
  })

  test('keeps what is there, unless it may go', async () => {
    writeFileSync(at('old.img'), 'precious')
    expect(await codesOf(create('old.img', MiB))).toEqual(['STORE_EXISTS'])
    expect(readFileSync(at('old.img'), 'utf8')).toBe('precious')
    const { inode, ...store } = {
      ...(await create('old.img', MiB, { discard: true })),
      inode: statSync(at('old.img')).ino,
    }
    expect(store).toMatchObject({ bytes: MiB, tail: { kind: 'empty' } })
    expect(get(at('old.img'), 0, 8)).toBe('\0'.repeat(8))
    expect(inode).toBe(statSync(at('old.img')).ino)
  })

  test('refuses what QEMU could not map, all of it at once, and leaves nothing', async () => {
    expect(await codesOf(create('a.img', 1000, { label: 4096 }))).toEqual([
      'STORE_SIZE_UNFIT',
      'STORE_SIZE_UNFIT',
    ])
    expect(await codesOf(create('b.img', 0))).toEqual(['STORE_SIZE_UNFIT'])
    expect(await codesOf(create('no/such/c.img', MiB))).toEqual(['STORE_FOLDER_MISSING'])
    expect(await codesOf(create('huge.img', 2 ** 62))).toEqual(['STORE_OPERATION_FAILED'])
    mkdirSync(at('dir.img'))
    expect(await codesOf(create('dir.img', MiB, { discard: true }))).toEqual(['STORE_IS_NO_FILE'])
    expect(readdirSync(folder)).toEqual(['dir.img'])
  })

  test('makes the folders of its own stores', async () => {
    const path = newStoreAt('big/pm0', { cwd: folder, stateFolder })
    await createStore({ path, size: MiB, label: 0, discard: false, stateFolder })
    expect(storesIn(stateFolder)).toEqual([path])
    expect(storeName(path, { stateFolder })).toBe('big/pm0')
  })
})

describe('names and paths', () => {
  test('a plain word is a store of the project, all else a path', () => {
    const place = { cwd: '/work', stateFolder: '/state' }
    expect(storeAt('scratch', place)).toBe('/state/stores/scratch.img')
    expect(storeAt('default/pm0', place)).toBe('/state/stores/default/pm0.img')
    expect(storeAt('./scratch', place)).toBe('/work/scratch')
    expect(storeAt('pm0.img', place)).toBe('/work/pm0.img')
    expect(storeAt('/dev/dax0.0', place)).toBe('/dev/dax0.0')
    expect(newStoreAt('a/b/c', place)).toBe('/work/a/b/c')
  })

  test('a file that is there is found by its bare name too', async () => {
    writeFileSync(at('bare'), 'x')
    expect(existingStoreAt('bare', { cwd: folder, stateFolder })).toBe(at('bare'))
    expect(await codesOf((async () => existingStoreAt('nothing', { cwd: folder, stateFolder }))())).toEqual([
      'STORE_UNKNOWN',
    ])
  })
})

describe('growing', () => {
  test('keeps data where it is', async () => {
    await create('pm.img', MiB)
    put(at('pm.img'), MiB - 4, 'last')
    const grown = await resize('pm.img', 2 * MiB)
    expect(grown).toMatchObject({ bytes: 2 * MiB, size: 2 * MiB, label: 0 })
    expect(grown).not.toHaveProperty('lockedBy')
    expect(get(at('pm.img'), MiB - 4, 8)).toBe('last\0\0\0\0')
  })

  test.each([
    ['far', 4 * MiB],
    ['by less than the label area, so that old place and new overlap', MiB + 64 * KiB],
  ])('takes the label area along: %s', async (_, size) => {
    await create('pm.img', MiB, { label: LABEL })
    put(at('pm.img'), MiB - 4, 'last')
    put(at('pm.img'), MiB, INDEX)
    put(at('pm.img'), MiB + LABEL - 3, 'end')
    expect(await resize('pm.img', size)).toMatchObject({ bytes: size + LABEL, size, label: LABEL })
    expect(get(at('pm.img'), MiB - 4, 8)).toBe('last\0\0\0\0')
    expect(get(at('pm.img'), size, 16)).toBe(INDEX)
    expect(get(at('pm.img'), size + LABEL - 3, 3)).toBe('end')
    expect(
      readFileSync(at('pm.img'))
        .subarray(MiB, size)
        .every((byte) => byte === 0),
    ).toBe(true)
    expect(readdirSync(folder).sort()).toEqual(['pm.img', 'pm.img.bringup.jsonl'])
  })

  test('finds labels that are not recorded', async () => {
    await create('pm.img', MiB, { label: 2 * LABEL })
    rmSync(journalOf('pm.img'))
    put(at('pm.img'), MiB, INDEX)
    expect(open('pm.img')).toMatchObject({ size: MiB, label: 2 * LABEL })
    expect(await resize('pm.img', 2 * MiB)).toMatchObject({ size: 2 * MiB, label: 2 * LABEL })
    expect(get(at('pm.img'), 2 * MiB, 16)).toBe(INDEX)
  })

  test('refuses to shrink and to change the label area; --discard does both', async () => {
    await create('pm.img', 2 * MiB)
    put(at('pm.img'), 0, 'data')
    expect(await codesOf(resize('pm.img', MiB, { label: LABEL }))).toEqual([
      'STORE_WOULD_SHRINK',
      'STORE_LABEL_FIXED',
    ])
    expect(get(at('pm.img'), 0, 4)).toBe('data')
    expect(await resize('pm.img', MiB, { label: LABEL, discard: true })).toMatchObject({
      size: MiB,
      label: LABEL,
    })
    expect(get(at('pm.img'), 0, 4)).toBe('\0\0\0\0')
  })

  test('the same size again changes nothing', async () => {
    await create('pm.img', MiB)
    const before = readFileSync(journalOf('pm.img'), 'utf8')
    await resize('pm.img', MiB)
    expect(readFileSync(journalOf('pm.img'), 'utf8')).toBe(before)
  })

  /** Every state that SIGKILL can leave: its line is in the journal, and the one system call was made or not. */
  test.each([
    ['no label area, not begun', 0, false, false],
    ['no label area, done', 0, false, true],
    ['label area, not begun', LABEL, false, false],
    ['label area, done', LABEL, false, true],
    ['copied, not begun', LABEL, true, false],
    ['copied, done', LABEL, true, true],
  ])('killed on its way it is as it was or as it is to be: %s', async (_, label, isCopied, isDone) => {
    await create('pm.img', MiB, { label })
    put(at('pm.img'), MiB - 4, 'last')
    const line = { event: 'resizing', at: new Date().toISOString(), size: 2 * MiB, label } as const
    const copy = at('copy.img')
    copyFileSync(at('pm.img'), copy)
    const { dev, ino, birthtimeMs } = statSync(copy)
    const as = { device: dev, inode: ino, bornMs: Math.floor(birthtimeMs) }
    appendJournal(journalOf('pm.img'), isCopied ? { ...line, as } : line)
    const grown = isCopied ? copy : at('pm.img')
    if (isDone) truncateSync(grown, 2 * MiB + label)
    if (isDone && isCopied) renameSync(copy, at('pm.img'))
    const size = isDone ? 2 * MiB : MiB
    // A label area without labels is known from the record alone.
    expect(open('pm.img')).toMatchObject({ size, label, record: { isOfThisFile: true, size, label } })
    expect(open('pm.img').record?.resizingTo).toBeUndefined()
    expect(await resize('pm.img', 3 * MiB)).toMatchObject({ size: 3 * MiB, label })
    expect(get(at('pm.img'), MiB - 4, 8)).toBe('last\0\0\0\0')
  })

  test('killed when it was done, and the next one before it began', async () => {
    await create('pm.img', MiB, { label: LABEL })
    const line = { event: 'resizing', at: new Date().toISOString(), label: LABEL } as const
    appendJournal(journalOf('pm.img'), { ...line, size: 2 * MiB })
    truncateSync(at('pm.img'), 2 * MiB + LABEL)
    appendJournal(journalOf('pm.img'), { ...line, size: 3 * MiB })
    expect(open('pm.img')).toMatchObject({ size: 2 * MiB, label: LABEL })
    expect(await resize('pm.img', 3 * MiB)).toMatchObject({ size: 3 * MiB, label: LABEL })
  })

  /** What an older version left, which moved the label area by several calls. */
  test.each([
    'nothing done',
    'file grown',
    'labels half written',
    'labels written',
    'old place half cleared',
  ])('goes on where it was killed: %s', async (stage) => {
    await create('pm.img', MiB, { label: LABEL })
    put(at('pm.img'), MiB - 4, 'last')
    put(at('pm.img'), MiB, INDEX)
    put(at('pm.img'), MiB + LABEL - 3, 'end')
    const labels = readFileSync(at('pm.img')).subarray(MiB)
    const line = { size: 2 * MiB, label: LABEL, labels: deflateRawSync(labels).toString('base64') }
    appendJournal(journalOf('pm.img'), { event: 'resizing', at: new Date().toISOString(), ...line })
    const steps = [
      'nothing done',
      'file grown',
      'labels half written',
      'labels written',
      'old place half cleared',
    ]
    const done = steps.indexOf(stage)
    if (done >= 1) put(at('pm.img'), 2 * MiB + LABEL - 1, '\0')
    if (done >= 2) put(at('pm.img'), 2 * MiB, INDEX)
    if (done >= 3) put(at('pm.img'), 2 * MiB + LABEL - 3, 'end')
    if (done >= 4) put(at('pm.img'), MiB, '\0'.repeat(16))
    expect(await codesOf(resize('pm.img', 4 * MiB))).toEqual(['STORE_RESIZE_UNFINISHED'])
    expect(await resize('pm.img', 2 * MiB)).toMatchObject({ size: 2 * MiB, label: LABEL })
    expect(
      readFileSync(at('pm.img'))
        .subarray(2 * MiB)
        .equals(labels),
    ).toBe(true)
    expect(get(at('pm.img'), MiB - 4, 8)).toBe('last\0\0\0\0')
    expect(open('pm.img').record?.resizingTo).toBeUndefined()
  })
})

describe('copying', () => {
  test('keeps content, holes and label area, and leaves no trace of its work', async () => {
    await create('pm.img', 64 * MiB, { label: LABEL })
    put(at('pm.img'), 32 * MiB, 'middle')
    put(at('pm.img'), 64 * MiB, INDEX)
    const copy = await clone('pm.img', 'a copy.img')
    expect(copy).toMatchObject({ size: 64 * MiB, label: LABEL, tail: { kind: 'labels', bytes: LABEL } })
    expect(copy.allocatedBytes).toBeLessThan(MiB)
    expect(get(at('a copy.img'), 32 * MiB, 6)).toBe('middle')
    expect(copy.record?.uses).toEqual([])
    expect(readdirSync(folder).sort()).toEqual(
      ['a copy.img', 'a copy.img.bringup.jsonl', 'pm.img', 'pm.img.bringup.jsonl'].sort(),
    )
  })

  test('may have another label area, or more room', async () => {
    await create('pm.img', MiB, { label: LABEL })
    put(at('pm.img'), MiB - 4, 'last')
    put(at('pm.img'), MiB, INDEX)
    expect(await clone('pm.img', 'larger.img', { size: 2 * MiB })).toMatchObject({
      size: 2 * MiB,
      label: LABEL,
    })
    expect(get(at('larger.img'), 2 * MiB, 16)).toBe(INDEX)
    expect(get(at('larger.img'), MiB - 4, 8)).toBe('last\0\0\0\0')
    expect(await clone('pm.img', 'bare.img', { label: 0 })).toMatchObject({ bytes: MiB, label: 0 })
    expect(await clone('pm.img', 'other.img', { label: 2 * LABEL })).toMatchObject({
      size: MiB,
      label: 2 * LABEL,
    })
    expect(get(at('other.img'), MiB, 16)).toBe('\0'.repeat(16))
    expect(await codesOf(clone('pm.img', 'small.img', { size: MiB / 2 }))).toEqual(['STORE_WOULD_SHRINK'])
    expect(await codesOf(clone('pm.img', 'bare.img'))).toEqual(['STORE_EXISTS'])
  })

  test('a snapshot is a copy, also of a store that a stopped machine holds', async () => {
    await create('pm.img', MiB)
    put(at('pm.img'), 0, 'now')
    await using _ = await holder('pm.img', 'exclusive')
    expect(await codesOf(snapshotStore(at('pm.img'), at('cut.img'), { stateFolder }))).toEqual([
      'STORE_IN_USE',
    ])
    await snapshotStore(at('pm.img'), at('cut.img'), { stateFolder, evenInUse: true })
    expect(get(at('cut.img'), 0, 3)).toBe('now')
  })
})

describe('a store in use', () => {
  test('by one machine is neither changed nor copied nor removed', async () => {
    await create('pm.img', MiB)
    await using _ = await holder('pm.img', 'exclusive')
    expect(open('pm.img').lockedBy).toMatchObject({ mode: 'write', command: 'cat' })
    const attempts = [
      () => resize('pm.img', 2 * MiB),
      () => clone('pm.img', 'b.img'),
      () => removeStore(at('pm.img'), { stateFolder }),
      () => create('pm.img', MiB, { discard: true }),
    ]
    for (const attempt of attempts) expect(await codesOf(attempt())).toEqual(['STORE_IN_USE'])
    expect(statSync(at('pm.img')).size).toBe(MiB)
    expect(existsSync(at('b.img'))).toBe(false)
  })

  test('by machines that share it may be copied, no more', async () => {
    await create('pm.img', MiB)
    await using _ = await holder('pm.img', 'shared')
    await clone('pm.img', 'b.img')
    expect(await codesOf(resize('pm.img', 2 * MiB))).toEqual(['STORE_IN_USE'])
    expect(await codesOf(removeStore(at('pm.img'), { stateFolder }))).toEqual(['STORE_IN_USE'])
  })
})

test('a removed store takes its record with it', async () => {
  await create('pm.img', MiB)
  await removeStore(at('pm.img'), { stateFolder })
  expect(readdirSync(folder)).toEqual([])
})

describe('the record', () => {
  const claim = (name: string, isAlone = true) => ({
    path: at(name),
    device: 'pm0',
    size: MiB,
    label: 0,
    isNew: false,
    isAlone,
  })
  const user = (run: string) => ({ machine: 'big', run, stateFolder })

  test('says who uses it now, who did, and how that ended', async () => {
    await create('pm.img', MiB)
    const end = beginUse(claim('pm.img'), user('r1'))
    expect(open('pm.img')).toMatchObject({
      lastUse: { machine: 'big', run: 'r1', end: 'running' },
      isClean: false,
    })
    end('guest-ended')
    expect(open('pm.img')).toMatchObject({ lastUse: { run: 'r1', end: 'guest-ended' }, isClean: true })
    beginUse(claim('pm.img'), user('r2'))('guest-crashed')
    expect(open('pm.img')).toMatchObject({ lastUse: { run: 'r2', end: 'guest-crashed' }, isClean: false })
    beginUse(claim('pm.img'), user('r3'))('guest-ended')
    expect(open('pm.img')).toMatchObject({ lastUse: { run: 'r3' }, isClean: true })
  })

  test('says so when the end was not recorded', async () => {
    await create('pm.img', MiB)
    beginUse(claim('pm.img'), user('r1'))('guest-ended')
    const lines = readFileSync(journalOf('pm.img'), 'utf8').replace(/.*"ended".*\n/, '')
    writeFileSync(journalOf('pm.img'), lines.replace(`"pid":${process.pid}`, '"pid":1'))
    expect(open('pm.img')).toMatchObject({ lastUse: { end: 'unknown' }, isClean: false })
    writeFileSync(journalOf('pm.img'), lines.replace(/"boot":"[^"]*"/, '"boot":"another"'))
    expect(open('pm.img')).toMatchObject({ lastUse: { end: 'unknown' }, isClean: false })
  })

  test('does not look for a process of another computer', async () => {
    await create('pm.img', MiB)
    beginUse(claim('pm.img', false), user('r1'))
    const there = readFileSync(journalOf('pm.img'), 'utf8')
      .replace(/"boot":"[^"]*"/, '"boot":"another"')
      .replace(/"host":"[^"]*"/, '"host":"n3.cluster"')
    writeFileSync(journalOf('pm.img'), there)
    expect(open('pm.img')).toMatchObject({
      lastUse: { end: 'elsewhere', host: 'n3.cluster' },
      isClean: false,
    })
    // A run that begins here joins the one that may still go on there.
    beginUse(claim('pm.img', false), user('r2'))('guest-ended')
    expect(open('pm.img').record?.uses).toMatchObject([
      { run: 'r1', end: 'elsewhere' },
      { run: 'r2', end: 'guest-ended' },
    ])
    expect(open('pm.img').isClean).toBe(false)
  })

  test('of several at once, all have to end in good order', async () => {
    await create('pm.img', MiB)
    const first = beginUse(claim('pm.img', false), user('r1'))
    const second = beginUse(claim('pm.img', false), user('r2'))
    first('killed')
    second('guest-ended')
    expect(open('pm.img')).toMatchObject({ lastUse: { run: 'r2', end: 'guest-ended' }, isClean: false })
    beginUse(claim('pm.img', false), user('r3'))('guest-ended')
    expect(open('pm.img')).toMatchObject({ isClean: true })
  })

  test('of a store that was emptied, or made again under its name, is a line after the old ones', async () => {
    await create('pm.img', MiB, { label: LABEL })
    beginUse(claim('pm.img'), user('r1'))('killed')
    const old = readFileSync(journalOf('pm.img'), 'utf8')
    await create('pm.img', 2 * MiB, { discard: true })
    expect(readFileSync(journalOf('pm.img'), 'utf8').startsWith(old)).toBe(true)
    expect(open('pm.img')).toMatchObject({ size: 2 * MiB, label: 0 })
    expect(open('pm.img').record?.uses).toEqual([])
    rmSync(at('pm.img'))
    await create('pm.img', MiB)
    expect(open('pm.img').record).toMatchObject({ isOfThisFile: true, size: MiB, uses: [] })
  })

  test('moves with the file, and is not taken for that of another', async () => {
    await create('pm.img', MiB, { label: LABEL })
    beginUse(claim('pm.img'), user('r1'))('guest-ended')
    renameSync(at('pm.img'), at('moved.img'))
    renameSync(journalOf('pm.img'), journalOf('moved.img'))
    expect(open('moved.img')).toMatchObject({ isClean: true, lastUse: { run: 'r1' } })
    symlinkSync(at('moved.img'), at('link.img'))
    expect(open('link.img')).toMatchObject({ lastUse: { run: 'r1' } })
    copyFileSync(at('moved.img'), at('copy.img'))
    copyFileSync(journalOf('moved.img'), journalOf('copy.img'))
    const copy = open('copy.img')
    expect(copy.record?.isOfThisFile).toBe(false)
    expect(copy).toMatchObject({ size: MiB + LABEL, label: 0 })
    expect(copy).not.toHaveProperty('isClean')
    beginUse(claim('copy.img'), user('r2'))('guest-ended')
    expect(open('copy.img').record).toMatchObject({ isOfThisFile: true, uses: [{ run: 'r2' }] })
  })

  test('of a device is in the state folder', () => {
    expect(journalPath('/dev/null', stateFolder)).toMatch(
      /\.bringup\/stores\/\.records\/[0-9a-f]{16}\.jsonl$/,
    )
    const dax = (name: string) => journalPath(`/dev/${name}`, stateFolder)
    expect(dax('null')).not.toBe(dax('zero'))
  })

  test('notices that the file was resized', async () => {
    await create('pm.img', MiB)
    truncateSync(at('pm.img'), 2 * MiB)
    expect(open('pm.img')).toMatchObject({ size: 2 * MiB, record: { size: MiB } })
    beginUse({ ...claim('pm.img'), size: 2 * MiB - LABEL, label: LABEL }, user('r1'))('guest-ended')
    expect(open('pm.img')).toMatchObject({ size: 2 * MiB - LABEL, label: LABEL, isClean: true })
    // A description that leaves part of the file alone says nothing of the file.
    beginUse(claim('pm.img'), user('r2'))('guest-ended')
    expect(open('pm.img')).toMatchObject({ size: 2 * MiB - LABEL, label: LABEL })
  })

  test('bears with anything in its file', async () => {
    await create('pm.img', MiB)
    beginUse(claim('pm.img'), user('r1'))('guest-ended')
    appendFileSync(
      journalOf('pm.img'),
      'null\n{"event":"began"}\n[]\n{"event":"resized","at":"x","size":-1}\n{"event":"beg',
    )
    expect(open('pm.img')).toMatchObject({ size: MiB, lastUse: { run: 'r1' }, isClean: true })
    writeFileSync(journalOf('pm.img'), Buffer.from([0, 255, 1]))
    expect(open('pm.img').record).toBeUndefined()
  })

  test('does not grow forever', async () => {
    await create('pm.img', MiB)
    for (let i = 0; i < 150; i++) beginUse(claim('pm.img'), user(`r${i}`))('guest-ended')
    expect(readFileSync(journalOf('pm.img'), 'utf8').split('\n').length).toBeLessThan(202)
    expect(open('pm.img')).toMatchObject({ size: MiB, lastUse: { run: 'r149' } })
  })
})
