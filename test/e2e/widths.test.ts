/** On terminals of 40 and 80 columns no line of bringup is broken in the middle of a word. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { widthOf } from '../../src/cli/width.ts'
import { onTerminal } from '../support/terminal.ts'

let cwd = ''
beforeAll(async () => {
  cwd = mkdtempSync(join(tmpdir(), 'widths-'))
  writeFileSync(
    join(cwd, 'bringup.config.json'),
    JSON.stringify({
      machines: {
        default: {
          summary: 'two nodes, with an NVDIMM and a network card on the second one',
          memory: '512M',
          cpu: 2,
          numa: 2,
          devices: [
            { kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 },
            { kind: 'nic', id: 'net', forwards: [{ guest: 22 }] },
          ],
        },
        small: { memory: '64M' },
      },
    }),
  )
  await onTerminal(['run'], { columns: 80, cwd })
})
afterAll(() => rmSync(cwd, { recursive: true }))

/** A line that is too long is one word: a path, an address, an argument of QEMU. */
function brokenLines(lines: readonly string[], columns: number): readonly string[] {
  return lines.filter((line) => {
    const words = line.trim().split(/\s+/)
    // The ` \` that continues a command belongs to the word before it, as do marks to the one behind them.
    const text = words.filter((word) => !/^(?:[\\✓✗│→…↻?+-]|[├└│─]+)$/.test(word))
    return widthOf(line) > columns && text.length > 1
  })
}

const WRONG = ['--numa', '2', '--nvdimm', '128M,node=7,label=4K', '--cores', '3']
const VIEWS: readonly (readonly string[])[] = [
  [],
  ['run'],
  ['run', '--cores', '3', '--nvdimm', '64M,node=9'],
  ['run', '--no-such-option'],
  ['plan'],
  ['plan', ...WRONG],
  ['machines'],
  ['machines', 'default'],
  ['machines', 'no-such-machine'],
  ['runs'],
  ['runs', 'show'],
  ['runs', 'prune', '--keep', '3'],
  ['nvdimm', 'list'],
  ['nvdimm', 'show', 'default/pm0'],
  ['nvdimm', 'explain'],
  ['doctor'],
  ['doctor', '--profile', 'linux'],
  ['setup', '--list', '--profile', 'nrk'],
  ['build', '--list'],
  ['operations'],
  ['trust', '--list'],
  ['pmem', 'status'],
]

describe.each([40, 80])('on %i columns', (columns) => {
  test.each(VIEWS.map((argv) => [`bringup ${argv.join(' ')}`, argv] as const))('%s', async (_, argv) => {
    const { lines } = await onTerminal(argv, { columns, cwd })
    expect(lines.join('\n').trim()).not.toBe('')
    expect(brokenLines(lines, columns)).toEqual([])
  })
})
