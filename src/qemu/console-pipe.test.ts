import {
  closeSync,
  createReadStream,
  mkdtempSync,
  readdirSync,
  readlinkSync,
  rmSync,
  statSync,
  writeFileSync,
  writeSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { text } from 'node:stream/consumers'
import { afterAll, expect, test } from 'vitest'
import { openConsolePipe, openPipedChannel } from './console-pipe.ts'

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

const channel = (hasNoWait?: 'both' | 'out') =>
  ({ id: 'a', purpose: 'log', label: 'a', ...(hasNoWait ? { hasNoWait } : {}) }) as const

test('a channel has pipes where its device does not wait, by links to the descriptors of QEMU itself', async () => {
  const folder = join(home, 'stock,2')
  const both = await openPipedChannel(channel('both'), folder)
  expect(both?.chardev([7, 8])).toBe(`pipe,id=a,path=${home}/stock,,2-by-number/7-8`)
  expect(both?.chardev([7, 8])).toBe(both?.chardev([7, 8]))
  const links = ['7-8.in', '7-8.out'].map((name) => readlinkSync(join(`${folder}-by-number`, name)))
  expect(links).toEqual(['/proc/self/fd/7', '/proc/self/fd/8'])
  const [reader = -1, writer = -1] = both?.fds ?? []
  both?.input?.write('typed')
  writeSync(writer, 'said')
  closeSync(writer)
  expect(both && (await text(both.output))).toBe('said')
  both?.input?.end()
  expect(await text(createReadStream('', { fd: reader }))).toBe('typed')
  const out = await openPipedChannel(channel('out'), folder)
  expect(out?.chardev([9])).toBe('file,id=a,path=/proc/self/fd/9')
  out?.output.destroy()
  for (const fd of out?.fds ?? []) closeSync(fd)
  expect(await openPipedChannel(channel(), folder)).toBeUndefined()
})
