/** A guest that ends before the command of its run: the reason is printed. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const folder = mkdtempSync(join(tmpdir(), 'bringup-command-ends-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const run = (...command: readonly string[]) =>
  execa(process.execPath, [BIN, 'run', '--profile', 'linux', '--memory', '192M', ...command], {
    cwd: folder,
    reject: false,
    stdin: 'ignore',
  })

it.each(['poweroff -f; sleep 1000', 'echo o > /proc/sysrq-trigger; sleep 1000'])(
  'says that the guest ended before the command: %s',
  async (script) => {
    const { exitCode, stderr } = await run('--', 'sh', '-c', script)
    expect(exitCode).toBe(1)
    expect(stderr).toContain('error COMMAND_NOT_ENDED')
    expect(stderr).toContain('failed the guest powered off before the command ended')
  },
)

it('says that the text of --until did not come, although the command returned 0', async () => {
  const { exitCode, stderr } = await run('--until', 'never printed', '--', 'true')
  expect([exitCode, stderr]).toEqual([1, expect.stringContaining('error PASS_NOT_SHOWN')])
})

it('adds nothing to the output of a command that fails', async () => {
  const { exitCode, stdout, stderr } = await run('--', 'sh', '-c', 'echo out; echo err >&2; exit 3')
  expect([exitCode, stdout, stderr]).toEqual([3, 'out', 'err'])
})
