/** `nvdimm resize` that is killed at random moments: the store has its old size or the new one, whole, and nothing is left. */
import { closeSync, mkdtempSync, openSync, readdirSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { openStore } from 'bringup'
import { execa } from 'execa'
import { expect, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const MiB = 1024 * 1024
const LABEL = 128 * 1024
const INDEX = 'NAMESPACE_INDEX\0'
/** A net only. */
const UNHURRIED = { timeout: 1_000_000, interval: 20 }

function put(path: string, offset: number, text: string): void {
  const fd = openSync(path, 'r+')
  writeSync(fd, text, offset, 'latin1')
  closeSync(fd)
}

/** On ext4 and XFS a hole is inserted; tmpfs cannot do that, and gets a larger copy. */
test.each([
  ['with labels, on the file system of temporary files', tmpdir(), INDEX],
  ['with labels, on tmpfs', '/dev/shm', INDEX],
  ['with an empty label area', tmpdir(), ''],
  ['with an empty label area, on tmpfs', '/dev/shm', ''],
])('%s', async (_, place, labels) => {
  await using folder = temporaryFolder(place)
  const path = join(folder.path, 'pm.img')
  const state = join(folder.path, '.bringup')
  const bringup = (...args: string[]) =>
    execa(process.execPath, [BIN, 'nvdimm', ...args, '--state', state], { cwd: folder.path, reject: false })
  expect((await bringup('create', path, '4M', '--label', '128K')).exitCode).toBe(0)
  put(path, 4 * MiB - 4, 'last')
  put(path, 4 * MiB, labels)
  let size = 4 * MiB
  for (let i = 0; i < 12; i++) {
    const wanted = size + 4 * MiB
    const run = bringup('resize', path, `${wanted / MiB}M`)
    await sleep(150 + Math.random() * 350)
    run.kill('SIGKILL')
    await run
    await expect
      .poll(() => readdirSync(folder.path).filter((n) => n.endsWith('.part')), UNHURRIED)
      .toEqual([])
    const store = openStore(path, { stateFolder: state })
    expect([size, wanted]).toContain(store.size)
    expect(store).toMatchObject({ label: LABEL, bytes: store.size + LABEL })
    expect(store.record?.resizingTo).toBeUndefined()
    const bytes = readFileSync(path)
    expect(bytes.toString('latin1', 4 * MiB - 4, 4 * MiB)).toBe('last')
    expect(bytes.toString('latin1', store.size, store.size + labels.length)).toBe(labels)
    expect(bytes.subarray(4 * MiB, store.size).every((byte) => byte === 0)).toBe(true)
    size = store.size
  }
  expect((await bringup('resize', path, `${size / MiB + 4}M`)).exitCode).toBe(0)
  expect(openStore(path, { stateFolder: state }).size).toBe(size + 4 * MiB)
})

function temporaryFolder(place: string): AsyncDisposable & { readonly path: string } {
  const path = mkdtempSync(join(place, 'bringup resize, '))
  return { path, [Symbol.asyncDispose]: async () => rmSync(path, { recursive: true, force: true }) }
}
