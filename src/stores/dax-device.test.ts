import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { MiB } from '../units.ts'
import { isOnDaxDisk, readDaxDevice } from './dax-device.ts'

const root = mkdtempSync(join(tmpdir(), 'sysfs, '))
afterAll(() => rmSync(root, { recursive: true }))

/** As Linux 6.1 shows them. */
function device(name: string, files: Readonly<Record<string, string>>): void {
  const folder = join(root, 'sys/bus/dax/devices', name)
  mkdirSync(folder, { recursive: true })
  for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text)
}

test('reads what the kernel says of a DAX device', () => {
  device('dax0.0', { size: '132120576\n', align: '2097152\n', target_node: '1\n', numa_node: '0\n' })
  device('dax1.0', { size: '1048576\n', align: '4096\n', target_node: '-1\n' })
  device('dax2.0', { align: '4096\n' })
  expect(readDaxDevice('/dev/dax0.0', root)).toEqual({
    name: 'dax0.0',
    bytes: 126 * MiB,
    align: 2 * MiB,
    node: 1,
  })
  expect(readDaxDevice('/dev/dax1.0', root)).toEqual({ name: 'dax1.0', bytes: MiB, align: 4096 })
  for (const path of ['/dev/dax2.0', '/dev/dax3.0', '/dev/null', '/dev/dax'])
    expect(readDaxDevice(path, root)).toBeUndefined()
})

test('asks the disk below a file whether it is memory', () => {
  // What this computer's disks are made of cannot be known here; that the question is answered can.
  expect(isOnDaxDisk('/proc')).toBe(false)
  expect(isOnDaxDisk(root, root)).toBe(false)
})
