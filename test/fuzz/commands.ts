/** The command itself on strange configs: `plan` and `machines`, which start no machine and write nothing of the user's. */
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import fc from 'fast-check'
import { arbitraryConfig } from './configs.ts'
import { mustBeVisible } from './consoles.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

export const arbitraryCommand = fc.record({
  machine: arbitraryConfig,
  words: fc.constantFrom(
    ['plan'],
    ['plan', '--json'],
    ['machines'],
    ['machines', 'default'],
    ['plan', '--memory', '-1'],
  ),
})

/** Exit code 0 or 2, no stack of a bug, and no control characters in what is printed. */
export async function tryCommand({
  machine,
  words,
}: {
  readonly machine: unknown
  readonly words: readonly string[]
}): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-fuzz-command-'))
  try {
    const text = JSON.stringify({ machines: { default: machine } }, (_, value: unknown) =>
      typeof value === 'bigint' ? Number(value) : value,
    )
    writeFileSync(join(folder, 'bringup.config.json'), text)
    const { code, output } = await run(folder, words)
    if (code !== 0 && code !== 2) throw new Error(`${words.join(' ')} ended with ${code}: ${output}\n${text}`)
    for (const line of output.split('\n')) mustBeVisible(line)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

function run(
  folder: string,
  words: readonly string[],
): Promise<{ readonly code: unknown; readonly output: string }> {
  return new Promise((resolve) => {
    const options = { cwd: folder, env: { ...process.env, NO_COLOR: '1' }, maxBuffer: 2 ** 28 }
    execFile(process.execPath, [BIN, ...words], options, (error, stdout, stderr) =>
      resolve({ code: error ? (error.code ?? error.signal) : 0, output: stdout + stderr }),
    )
  })
}
