import { PassThrough } from 'node:stream'
import { expect, test } from 'vitest'
import { Console } from './console.ts'
import { DrawnConsole } from './drawn-console.ts'

const MENU = '\x1b[2J\x1b[1;1H\x1b[44mMemory test\x1b[0m\x1b[5;10HPass\x1b[5;20H12%\x1b[24;1HESC quits'
const MENU_LINES = ['Memory test', '', '', '', '         Pass      12%']

async function drawn(...chunks: readonly string[]): Promise<readonly string[] | undefined> {
  const console = new DrawnConsole()
  for (const chunk of chunks) console.take(Buffer.from(chunk))
  await console.settled()
  return console.lines
}

test('what is drawn by moving the cursor is what a terminal shows', async () => {
  expect((await drawn(MENU))?.slice(0, 5)).toEqual(MENU_LINES)
  expect((await drawn(MENU))?.at(-1)).toBe('ESC quits')
  expect((await drawn(...MENU))?.slice(0, 5)).toEqual(MENU_LINES)
  expect((await drawn(MENU, '\x1b[5;20H99%'))?.[4]).toBe('         Pass      99%')
})

test('a console of lines stays one, with colours and a cleared screen too', async () => {
  expect(await drawn('\x1b[2J\x1b[1;1H\x1b[32mok\x1b[0m\n'.repeat(50))).toBeUndefined()
  expect(await drawn('\x1b[2;3Hlogo\n', 'line\n'.repeat(50))).toBeUndefined()
})

test('a console becomes one of lines again when they follow a menu', async () => {
  expect(await drawn(MENU, 'Linux version 6\n'.repeat(40))).toBeUndefined()
  expect(await drawn(MENU, '\r\nBooting\r\n')).toContain('ESC quits')
})

test('the size follows where the cursor is placed, within limits', async () => {
  const [wide] = [await drawn(`${MENU}\x1b[40;120Hfar`)]
  expect(wide?.[39]).toBe(`${' '.repeat(119)}far`)
  expect((await drawn(`${MENU}\x1b[9999;9999Hfar`))?.length).toBeLessThanOrEqual(100)
})

test('control characters of the guest are not shown as such, and a flood is given up', async () => {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  expect((await drawn(`${MENU}\u202e\x9b6n`))?.join('')).not.toMatch(/[\x00-\x1f\x80-\x9f\u202e]/)
  const console = new DrawnConsole()
  for (let i = 0; i < 1000; i++) console.take(Buffer.from(MENU.repeat(100)))
  await console.settled()
  expect(console.lines).toBeUndefined()
})

test('expect sees it, once, and it is the evidence', async () => {
  const output = new PassThrough()
  const console = new Console({ output })
  const first = console.expect(/^ +Pass +12%$/, { timeoutMs: 10_000 })
  output.write(MENU)
  expect((await first).text).toBe('         Pass      12%')
  await expect(console.expect('ESC quits', { timeoutMs: 300 })).rejects.toMatchObject({
    code: 'CONSOLE_NO_MATCH',
    diagnostics: [{ evidence: expect.arrayContaining(['         Pass      12%']) }],
  })
  const second = console.expect('ESC quits now', { timeoutMs: 10_000 })
  output.write('\x1b[24;11Hnow')
  expect((await second).text).toBe('ESC quits now')
})
