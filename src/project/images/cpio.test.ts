import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { cpio, type Entry } from './cpio.ts'

const ENTRIES: readonly Entry[] = [
  { kind: 'file', path: '/bin/tool', mode: 0o755, content: Buffer.from('#!x\n') },
  { kind: 'link', path: 'bin/alias', target: 'tool' },
  { kind: 'folder', path: 'tmp', mode: 0o1777 },
  { kind: 'file', path: 'a', mode: 0o644, content: Buffer.alloc(5, 'z') },
]

/** name, mode in octal, size of every member. */
function list(archive: Buffer): readonly string[] {
  const names: string[] = []
  for (let at = 0; ; ) {
    const field = (n: number) =>
      Number.parseInt(archive.toString('latin1', at + 6 + 8 * n, at + 14 + 8 * n), 16)
    expect(archive.toString('latin1', at, at + 6)).toBe('070701')
    const name = archive.toString('utf8', at + 110, at + 110 + field(11) - 1)
    if (name === 'TRAILER!!!') return names
    names.push(`${name} ${field(1).toString(8)} ${field(6)}`)
    expect(field(5)).toBe(0)
    const content = (at + 110 + field(11) + 3) & ~3
    at = (content + field(6) + 3) & ~3
  }
}

test('parents are added and come before what is in them', () => {
  expect(list(cpio(ENTRIES))).toEqual([
    'a 100644 5',
    'bin 40755 0',
    'bin/alias 120777 4',
    'bin/tool 100755 4',
    'tmp 41777 0',
  ])
})

test('the same entries in any order give the same bytes', () => {
  expect(cpio(ENTRIES.toReversed()).equals(cpio(ENTRIES))).toBe(true)
})

test('of two entries at one path the last one is kept', () => {
  const twice = cpio([...ENTRIES, { kind: 'file', path: 'a', mode: 0o600, content: Buffer.from('new') }])
  expect(list(twice)).toContain('a 100600 3')
  expect(list(twice).filter((line) => line.startsWith('a '))).toHaveLength(1)
})

test('file(1) knows it', ({ skip }) => {
  try {
    expect(execFileSync('file', ['-'], { input: cpio(ENTRIES), encoding: 'utf8' })).toContain('cpio archive')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return skip('there is no file(1)')
    throw error
  }
})
