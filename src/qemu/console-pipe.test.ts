import { closeSync, mkdtempSync, readdirSync, rmSync, statSync, writeFileSync, writeSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { openConsolePipe } from './console-pipe.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup-console-pipe-'))
afterAll(() => rmSync(home, { recursive: true, force: true }))

test('each guest gets a pipe of its own, of which no name is left', async () => {
  const folder = join(home, 'stock')
  const pipes = await Promise.all(Array.from({ length: 40 }, () => openConsolePipe(folder)))
  expect(statSync(folder).mode & 0o777).toBe(0o700)
  const said = await Promise.all(
    pipes.map(async (pipe, i) => {
      if (!pipe) return 'no pipe'
      // More than a socket has room for.
      for (let byte = 0; byte < 1000; byte++) writeSync(pipe.fd, String.fromCharCode(65 + (i % 26)))
      closeSync(pipe.fd)
      return text(pipe.output)
    }),
  )
  expect(said).toEqual(Array.from({ length: 40 }, (_, i) => String.fromCharCode(65 + (i % 26)).repeat(1000)))
  const [left = '', ...more] = readdirSync(folder)
  expect(statSync(join(folder, left)).isFIFO()).toBe(true)
  // The stock serves the next guest.
  const next = await openConsolePipe(folder)
  expect(readdirSync(folder)).toHaveLength(more.length)
  next?.output.destroy()
  if (next) closeSync(next.fd)
})

test('where no pipe can be made, there is no pipe', async () => {
  writeFileSync(join(home, 'file'), '')
  expect(await openConsolePipe(join(home, 'file'))).toBeUndefined()
})
