import { mkdirSync, mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { createHostReader } from '../host-reader.ts'
import { file } from './file.ts'

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'file-step-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const host = createHostReader(new AbortController().signal)
const params = () => ({ path: join(folder, 'a'), content: 'x\n', mode: '644', asRoot: true, why: 'a test' })

test('says the very commands, and is done when it is so', async () => {
  expect(await file.check(params(), host)).toMatchObject({
    state: 'change',
    before: { was: 'missing', folders: [] },
    commands: [
      {
        argv: ['dd', `of=${join(folder, 'a.bringup')}`, 'conv=fsync', 'status=none'],
        asRoot: true,
        stdin: 'x\n',
      },
      { argv: ['chmod', '644', join(folder, 'a.bringup')] },
      { argv: ['mv', '--no-target-directory', join(folder, 'a.bringup'), join(folder, 'a')] },
    ],
  })
  writeFileSync(join(folder, 'a'), 'x\n', { mode: 0o644 })
  expect(await file.check(params(), host)).toMatchObject({ state: 'done' })
  expect(await file.check({ ...params(), mode: '600' }, host)).toMatchObject({ state: 'change' })
})

test('refuses what it could not put back', async () => {
  mkdirSync(join(folder, 'a'))
  expect(await file.check(params(), host)).toMatchObject({
    state: 'blocked',
    diagnostics: [{ code: 'FILE_NOT_REGULAR' }],
  })
  symlinkSync('nowhere', join(folder, 'link'))
  expect(await file.check({ ...params(), path: join(folder, 'link') }, host)).toMatchObject({
    state: 'blocked',
  })
})

test('does not take back what others have changed since', async () => {
  writeFileSync(join(folder, 'a'), 'theirs')
  const before = { was: 'missing', folders: [] } as const
  expect(await file.undo(params(), before, host)).toMatchObject({
    state: 'blocked',
    diagnostics: [{ code: 'FILE_CHANGED_SINCE' }],
  })
  expect(readFileSync(join(folder, 'a'), 'utf8')).toBe('theirs')
  expect(statSync(folder).isDirectory()).toBe(true)
})
