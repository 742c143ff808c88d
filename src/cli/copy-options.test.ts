import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { BringupError } from '../diagnostics.ts'
import { copiesOf, copyAllOut, missedCopies } from './copy-options.ts'

const folder = mkdtempSync(join(tmpdir(), 'copies: '))
afterAll(() => rmSync(folder, { recursive: true }))
writeFileSync(join(folder, 'data'), '')

const codes = (options: Parameters<typeof copiesOf>[0]) => {
  try {
    copiesOf(options)
    return []
  } catch (error) {
    return (error as BringupError).diagnostics.map((d) => d.code)
  }
}

test('pairs of paths; those of this computer may have colons', () => {
  const data = join(folder, 'data')
  expect(copiesOf({ copyIn: [`${data}:/tmp/d`], copyOut: [`/var/log:${folder}/a:b`, '/x:out'] })).toEqual({
    ins: [{ from: data, to: '/tmp/d' }],
    outs: [
      { from: '/var/log', to: `${folder}/a:b` },
      { from: '/x', to: join(process.cwd(), 'out') },
    ],
  })
  expect(copiesOf({})).toEqual({ ins: [], outs: [] })
})

test('everything that is wrong is a finding before the machine starts', () => {
  expect(codes({ copyIn: ['data', 'data:tmp', `${folder}/none:/x`] })).toEqual([
    'USAGE',
    'USAGE',
    'COPY_SOURCE_MISSING',
  ])
  expect(codes({ copyOut: ['/x', `/x:${folder}/data`, '/x:new', '/y:new'] })).toEqual([
    'USAGE',
    'COPY_TARGET_EXISTS',
    'COPY_TARGET_EXISTS',
  ])
})

test('one copy that fails does not keep the others', async () => {
  const copies = copiesOf({ copyOut: ['/a:one', '/b:two'] })
  const done: string[] = []
  const copyOut = async (from: string) => {
    if (from === '/a') throw new BringupError(missedCopies(copies).slice(0, 1))
    done.push(from)
  }
  expect(await copyAllOut({ copyOut }, copies)).toMatchObject([{ code: 'COPY_OUT_MISSED' }])
  expect(done).toEqual(['/b'])
})
