/** Folders of this computer in real guests. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll } from 'vitest'
import { expect, test } from '../../src/testing/index.ts'

const profile = 'linux'
const folder = mkdtempSync(join(tmpdir(), 'folders, '))
afterAll(() => rmSync(folder, { recursive: true }))

test('reads this computer’s files, and writes to an overlay, read-only and writable', async ({ launch }) => {
  const [source, fixed, shared] = ['a source', 'fixed', 'shared'].map((name) => join(folder, name)) as [
    string,
    string,
    string,
  ]
  for (const path of [source, fixed, shared]) mkdirSync(path)
  writeFileSync(join(source, 'hello.txt'), 'from this computer\n')
  const guest = await launch(
    {
      devices: [
        { kind: 'folder', id: 'source', path: source },
        { kind: 'folder', id: 'fixed', path: fixed, guest: '/mnt/fixed', access: 'readonly' },
        { kind: 'folder', id: 'shared', path: shared, guest: '/mnt/shared', access: 'rw' },
      ],
    },
    { profile },
  )
  const sh = (script: string) => guest.run(['sh', '-c', script], { cwd: source })
  expect(await guest.run(['cat', 'hello.txt'], { cwd: source })).toMatchObject({
    stdout: 'from this computer\n',
    exitCode: 0,
  })
  expect(
    await sh('echo changed > hello.txt && mkdir out && cp hello.txt out && cat out/hello.txt'),
  ).toMatchObject({ stdout: 'changed\n', exitCode: 0 })
  expect(readFileSync(join(source, 'hello.txt'), 'utf8')).toBe('from this computer\n')
  const refused = await sh('echo x > /mnt/fixed/x')
  expect(refused.stderr).toContain('Read-only file system')
  expect((await sh('echo kept > /mnt/shared/x')).exitCode).toBe(0)
  expect(readFileSync(join(shared, 'x'), 'utf8')).toBe('kept\n')
  const rows = (await guest.verify()).filter((row) => row.device.startsWith('folder '))
  expect(rows).toHaveLength(9)
  expect(rows.filter((row) => !row.ok)).toEqual([])
})
