import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  readlinkSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { afterAll, expect, test } from 'vitest'
import { copyIn, copyOut } from './copy.ts'

const folder = mkdtempSync(join(tmpdir(), 'copy '))
afterAll(() => rmSync(folder, { recursive: true }))

/** This computer in place of a guest; `find` and `readlink` may answer as a hostile guest would. */
function guestOf(answers: Readonly<Record<string, string>> = {}) {
  return {
    run: async ([program = '', ...args]: readonly string[]) => {
      const said = answers[`${program} ${args[2]}`] ?? answers[program]
      if (said !== undefined) return { stdout: said, stderr: '', exitCode: 0 }
      const {
        stdout,
        stderr,
        exitCode = 1,
      } = await execa(program, args, {
        reject: false,
        stripFinalNewline: false,
      })
      return { stdout, stderr, exitCode }
    },
    readFile: async (path: string) => readFileSync(path),
    writeFile: async (path: string, content: string | Uint8Array, mode = 0o644) => {
      writeFileSync(path, content)
      chmodSync(path, mode)
    },
  }
}

test('a tree with odd names comes in and goes out whole', async () => {
  const from = join(folder, 'a tree')
  mkdirSync(join(from, '-x', 'empty'), { recursive: true })
  writeFileSync(join(from, '-x', 'line\nbreak, "ä"'), 'one')
  writeFileSync(join(from, 'program'), '#!/bin/sh\n')
  chmodSync(join(from, 'program'), 0o4755)
  symlinkSync('../program', join(from, '-x', 'link'))
  const [inside, out] = [join(folder, 'in', 'it'), join(folder, 'out', 'it')]
  await copyIn(guestOf(), from, inside)
  expect(statSync(join(inside, 'program')).mode & 0o7777).toBe(0o755)
  chmodSync(join(inside, 'program'), 0o4755)
  await execa('mkfifo', [join(inside, 'fifo')])
  await copyOut(guestOf(), inside, out)
  expect(readFileSync(join(out, '-x', 'line\nbreak, "ä"'), 'utf8')).toBe('one')
  expect(lstatSync(join(out, '-x', 'empty')).isDirectory()).toBe(true)
  expect(readlinkSync(join(out, '-x', 'link'))).toBe('../program')
  expect(statSync(join(out, 'program')).mode & 0o7777).toBe(0o755)
  expect(existsSync(join(out, 'fifo'))).toBe(false)
  await copyOut(guestOf(), join(inside, 'program'), join(folder, 'one'))
  expect(readFileSync(join(folder, 'one'), 'utf8')).toBe('#!/bin/sh\n')
  await expect(copyOut(guestOf(), inside, out)).rejects.toMatchObject({ code: 'COPY_TARGET_EXISTS' })
  await expect(copyIn(guestOf(), join(folder, 'none'), '/x')).rejects.toMatchObject({
    code: 'COPY_SOURCE_MISSING',
  })
})

test.each([['/g/../../etc/x'], ['/etc/passwd'], ['/g//x'], ['/g/./x'], ['../x']])(
  'a guest that reports the name %s is refused',
  async (name) => {
    await expect(
      copyOut(guestOf({ find: `${name}\0` }), '/g', join(folder, 'hostile')),
    ).rejects.toMatchObject({
      code: 'COPY_REFUSED',
    })
    expect(existsSync(join(folder, 'hostile'))).toBe(false)
  },
)

test.each(['/etc/passwd', '../../x', '..'])('a link that leads to %s is refused', async (link) => {
  const from = join(folder, `links ${link.length}`)
  mkdirSync(from)
  symlinkSync(link, join(from, 'link'))
  const out = join(folder, `out ${link.length}`)
  await expect(copyOut(guestOf(), from, out)).rejects.toMatchObject({ code: 'COPY_REFUSED' })
  expect(existsSync(join(out, 'link'))).toBe(false)
})
