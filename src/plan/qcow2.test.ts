/** On images that qemu-img made. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { imageFiles, parseQcow2 } from './qcow2.ts'

const folder = mkdtempSync(join(tmpdir(), 'qcow2-'))
afterAll(() => rmSync(folder, { recursive: true }))
const at = (name: string) => join(folder, name)
const create = (name: string, ...options: string[]) => {
  execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...options, at(name), '1M'])
  return at(name)
}

describe('what an image makes QEMU open', () => {
  test('nothing, for one that stands alone, of either version', () => {
    for (const compat of ['0.10', '1.1'])
      expect(imageFiles(create('alone.qcow2', '-o', `compat=${compat}`))).toEqual({
        files: [],
        isEncrypted: false,
      })
  })

  test('a file of this computer as its backing file', () => {
    const image = create('passwd.qcow2', '-b', '/etc/passwd', '-F', 'raw')
    expect(imageFiles(image).files).toEqual([
      { role: 'backing', of: image, name: '/etc/passwd', file: '/etc/passwd', isOutside: true },
    ])
  })

  test('a chain, whose end lies outside', () => {
    const middle = create('middle.qcow2', '-b', '/etc/hostname', '-F', 'raw')
    const image = create('top.qcow2', '-b', 'middle.qcow2', '-F', 'qcow2')
    expect(imageFiles(image).files).toMatchObject([
      { of: image, name: 'middle.qcow2', file: middle, isOutside: false },
      { of: middle, file: '/etc/hostname', isOutside: true },
    ])
  })

  test('a link in the same folder to a file elsewhere', () => {
    symlinkSync('/etc/passwd', at('innocent'))
    expect(imageFiles(create('link.qcow2', '-b', 'innocent', '-F', 'raw')).files).toMatchObject([
      { file: at('innocent'), isOutside: true },
    ])
  })

  test('a data file', () => {
    mkdirSync(at('data'))
    const image = create('data.qcow2', '-o', `data_file=${at('data.raw')}`)
    expect(imageFiles(image).files).toEqual([
      { role: 'dataFile', of: image, name: at('data.raw'), file: at('data.raw'), isOutside: false },
    ])
  })

  test.each([
    'json:{"driver":"raw","file":{"driver":"file","filename":"/etc/passwd"}}',
    'nbd://192.0.2.1/x',
    'file:/etc/passwd',
  ])('%s', (name) => {
    const image = create('protocol.qcow2', '-u', '-b', name, '-F', 'raw')
    expect(imageFiles(image).files).toMatchObject([{ name, isOutside: true }])
  })

  test('itself, in a circle', () => {
    create('a.qcow2', '-u', '-b', 'b.qcow2', '-F', 'qcow2')
    create('b.qcow2', '-u', '-b', 'a.qcow2', '-F', 'qcow2')
    expect(imageFiles(at('a.qcow2')).files).toHaveLength(2)
  })

  test('a key', () => {
    const image = at('locked.qcow2')
    const secret = ['--object', 'secret,id=k,data=abc123']
    const options = ['-o', 'encrypt.format=luks,encrypt.key-secret=k,encrypt.iter-time=100']
    // qemu-img measures its CPU time, and gives up where the kernel has counted none yet (crypto/pbkdf.c).
    untilMeasured(() =>
      execFileSync('qemu-img', ['create', '-q', '-f', 'qcow2', ...secret, ...options, image, '1M']),
    )
    expect(imageFiles(image).isEncrypted).toBe(true)
    expect(imageFiles(create('over.qcow2', '-u', '-b', 'locked.qcow2', '-F', 'qcow2')).isEncrypted).toBe(true)
  })
})

test('any damaged header is read to its end', () => {
  const head = readFileSync(create('whole.qcow2', '-u', '-b', 'x', '-F', 'raw'))
  for (let at = 4; at < 160; at++)
    for (const value of [0, 0x7f, 0xff]) {
      const damaged = Buffer.from(head.subarray(0, 4096))
      damaged.fill(value, at, at + 4)
      expect(() => parseQcow2(damaged)).not.toThrow()
    }
  writeFileSync(at('short'), head.subarray(0, 80))
  expect(imageFiles(at('short')).files).toEqual([])
})

function untilMeasured(create: () => unknown): unknown {
  for (let tries = 100; ; tries--) {
    try {
      return create()
    } catch (error) {
      if (tries === 0 || !`${error}`.includes('Unable to get accurate CPU usage')) throw error
    }
  }
}
