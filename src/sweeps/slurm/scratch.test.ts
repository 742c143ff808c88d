import { existsSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { startTimeOf } from '../../host/process-start.ts'
import { copyTo, Scratch, scratchBase } from './scratch.ts'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'slurm-scratch-'))
  mkdirSync(join(folder, 'base'))
})
afterEach(() => rmSync(folder, { recursive: true, force: true }))

const open = () => Scratch.open({ base: join(folder, 'base'), node: 'n1', cache: join(folder, 'cache') })

test('makes a copy once, and the last user removes it', async () => {
  const source = join(folder, 'kernel')
  writeFileSync(source, 'one')
  const first = await open()
  let made = 0
  const copy = {
    key: 'abc',
    make: (path: string) => {
      made += 1
      copyTo(source)(path)
    },
  }
  const path = await first.have(copy)
  expect(readFileSync(path, 'utf8')).toBe('one')
  expect(await first.have(copy)).toBe(path)
  expect(made).toBe(1)
  await first[Symbol.asyncDispose]()
  expect(readdirSync(join(folder, 'base'))).toEqual([])
})

test('leaves nothing of a copy that failed', async () => {
  await using scratch = await open()
  const make = (path: string) => {
    writeFileSync(path, 'half')
    throw Object.assign(new Error('ENOSPC'), { code: 'ENOSPC' })
  }
  await expect(scratch.have({ key: 'abc', make })).rejects.toThrow('ENOSPC')
  const [own = ''] = readdirSync(join(folder, 'base'))
  expect(readdirSync(join(folder, 'base', own, 'content'))).toEqual([])
})

test('forgets users that were killed, and keeps the folder of those that live', async () => {
  const scratch = await open()
  const [own = ''] = readdirSync(join(folder, 'base'))
  const users = join(folder, 'base', own, 'users')
  const [self = ''] = readdirSync(users)
  const lives = join(users, `${process.ppid}-${startTimeOf(process.ppid)}`)
  writeFileSync(join(users, self.replace(/^\d+/, '1')), '')
  writeFileSync(lives, '')
  await scratch[Symbol.asyncDispose]()
  expect(existsSync(users)).toBe(true)
  rmSync(lives)
  await (await open())[Symbol.asyncDispose]()
  expect(existsSync(users)).toBe(false)
})

test('refuses the folder of another user', async () => {
  const uid = process.getuid?.() ?? 0
  mkdirSync(join(folder, 'base', `bringup-${uid}-n1`), { mode: 0o755 })
  await expect(open()).rejects.toThrow('not a private folder')
})

test.each([
  [undefined, {}, '/tmp'],
  [undefined, { TMPDIR: '/t' }, '/t'],
  [undefined, { TMPDIR: '/t', SLURM_TMPDIR: '/s' }, '/s'],
  ['/local/$USER', { USER: 'me' }, '/local/me'],
  // biome-ignore lint/suspicious/noTemplateCurlyInString: a variable of the job
  ['/local/${USER}/x', { USER: 'me' }, '/local/me/x'],
  ['$NONE', { TMPDIR: '/t' }, '/t'],
])('finds the scratch folder of %s with %o', (named, env, base) => expect(scratchBase(named, env)).toBe(base))
