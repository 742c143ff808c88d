/** A cache that many want at once, that cannot be used, or whose filling is killed: through the real command line. */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-cache-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const bringup = (env: Readonly<Record<string, string>>, ...args: readonly string[]) =>
  execa(process.execPath, [BIN, ...args], { cwd: folder, env, reject: false, stdin: 'ignore' })

describe('an empty cache', () => {
  it('is filled once by plans and runs that start together, and all of them end well', async () => {
    const cache = join(folder, 'shared')
    const env = { XDG_CACHE_HOME: cache }
    // Plans show a preview until the kernel is built; runs build it, and try the accelerators.
    const commands = ['plan', 'run', 'plan', 'run', 'plan', 'run', 'plan', 'run']
    const ends = await Promise.all(commands.map((command) => bringup(env, command, '--memory', '64M')))
    expect(ends.map(({ exitCode, stderr }) => (exitCode === 0 ? 0 : stderr))).toEqual(ends.map(() => 0))
    expect(readdirSync(join(cache, 'bringup/probe')).filter((name) => !name.startsWith('.'))).toHaveLength(1)
    const facts = readdirSync(join(cache, 'bringup/accelerators')).map((name) =>
      JSON.parse(readFileSync(join(cache, 'bringup/accelerators', name), 'utf8')),
    )
    expect(facts).toContainEqual(expect.objectContaining({ name: 'tcg', works: true }))
  })
})
