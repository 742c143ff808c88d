/** An operation that is killed at any event is finished, or taken back, by the next process. */
import { execFile } from 'node:child_process'
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { build } from 'esbuild'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { listOperations, readOperation } from '../../src/steps/journal.ts'
import { file } from '../../src/steps/kinds/file.ts'

const folders: string[] = []

/** One file that starts fast: the test starts it some fifty times. */
let driver = ''
beforeAll(async () => {
  const folder = mkdtempSync(join(tmpdir(), 'driver-'))
  folders.push(folder)
  driver = join(folder, 'driver.mjs')
  await build({
    entryPoints: ['test/support/operation-driver.ts'],
    outfile: driver,
    bundle: true,
    platform: 'node',
    target: 'node20.19',
    format: 'esm',
    logLevel: 'error',
    // Packages in CommonJS ask for Node's modules by require.
    banner: {
      js: "import { createRequire } from 'node:module'; const require = createRequire(import.meta.url);",
    },
  })
})
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A folder that stands for a computer, with a journal of its own. */
function computer() {
  const folder = mkdtempSync(join(tmpdir(), 'killed, '))
  folders.push(folder)
  const etc = join(folder, 'etc')
  const root = join(folder, 'journal')
  mkdirSync(etc)
  writeFileSync(join(etc, 'old'), 'what was there\0\xff', 'latin1')
  chmodSync(join(etc, 'old'), 0o640)
  const write = (name: string, content: string, mode: string) =>
    file.step({ path: join(etc, name), content, mode, asRoot: false, why: 'a test' })
  const steps = [
    write('old', 'new content\n', '644'),
    write('deep/er/made', 'a file\n', '600'),
    write('last', "it's $HOME !\n", '644'),
  ]
  return {
    last: () => listOperations(root).at(-1),
    /** Everything below `etc`: names, modes and bytes. */
    tree: () =>
      Object.fromEntries(
        (readdirSync(etc, { recursive: true, encoding: 'utf8' }) as string[]).sort().map((name) => {
          const stats = statSync(join(etc, name))
          const content = stats.isFile() ? readFileSync(join(etc, name), 'latin1') : ''
          return [name, `${(stats.mode & 0o7777).toString(8)} ${content}`]
        }),
      ),
    /** One process; `killAt` is the number of the event at which it kills itself. */
    drive: (what: string, killAt = 0): Promise<{ events: number; signal: string | undefined }> => {
      const args = [driver, what, root, `${killAt}`, JSON.stringify(steps)]
      return new Promise((resolve, reject) => {
        execFile(process.execPath, args, (error, stdout, stderr) => {
          if (error && error.signal !== 'SIGKILL') reject(new Error(stderr))
          else resolve({ events: stdout.split('\n').length - 1, signal: error?.signal ?? undefined })
        })
      })
    },
  }
}

test('killed at every event of applying and of taking back: the next process finishes it or takes it back', async () => {
  const { tree, drive } = computer()
  const before = tree()
  const { events } = await drive('apply')
  const after = tree()
  expect(after).toMatchObject({ old: '644 new content\n', 'deep/er/made': '600 a file\n' })
  const { events: undoEvents } = await drive('undo')
  expect(tree()).toEqual(before)
  expect(events).toBeGreaterThan(12)
  await Promise.all(
    Array.from({ length: events }, (_, index) => killedAt(index + 1, undoEvents, before, after)),
  )
}, 240_000)

async function killedAt(at: number, undoEvents: number, before: object, after: object): Promise<void> {
  const { tree, drive, last } = computer()
  expect((await drive('apply', at)).signal).toBe('SIGKILL')
  expect(last()?.state, `killed at ${at}`).toBe('half-done')
  if (at % 2 === 0) {
    await drive('resume')
    expect(last()?.state).toBe('done')
    expect(tree(), `finished after ${at}`).toEqual(after)
  }
  const killAt = 1 + (at % undoEvents)
  const { signal } = await drive('undo', killAt)
  if (signal) {
    expect(last()?.state).toBe('half-undone')
    await drive('undo')
  }
  expect(last()?.state).toBe('undone')
  expect(tree(), `taken back after ${at}, killed at ${killAt}`).toEqual(before)
}

test('a line of the journal that was cut short is passed over', async () => {
  const { drive, last } = computer()
  await drive('apply')
  const folder = last()?.folder ?? ''
  const path = join(folder, 'journal.jsonl')
  writeFileSync(path, readFileSync(path, 'utf8').slice(0, -5))
  expect(readOperation(folder)?.state).toBe('half-done')
  await drive('resume')
  expect(last()?.state).toBe('done')
})
