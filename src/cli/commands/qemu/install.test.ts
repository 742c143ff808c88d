import { expect, test } from 'vitest'
import type { Invocation } from '../../command.ts'
import { install } from './install.ts'

const run = (args: readonly string[], options: Readonly<Record<string, unknown>>) =>
  install.run?.({ args, options, signal: new AbortController().signal } as unknown as Invocation)

const FOLDER = import.meta.dirname
const FILE = import.meta.filename
const DIGEST = 'a'.repeat(64)

test.each([
  [{ from: 'packages', name: '../npm', replace: true }, '--name "../npm"'],
  [{ from: 'source', name: 'my qemu' }, '--name "my qemu"'],
  [{ from: 'packages', name: '.x' }, '--name ".x"'],
  [{ from: 'packages', name: 'system' }, '--name "system": the QEMU in PATH has that name'],
  [{ from: 'packages', sha256: DIGEST }, '--sha256 is for builds from source'],
  [{ from: 'apt-source', sha256: DIGEST }, '--sha256 does not apply to --from apt-source'],
  [{ from: FOLDER, sha256: DIGEST }, '--sha256 does not apply'],
  [{ from: 'source', sha256: 'abc' }, '--sha256 "abc" is not 64 hexadecimal digits'],
  [{ from: 'apt-source', mirror: 'http://x' }, '--mirror does not apply'],
  [{ from: FILE, mirror: 'http://x' }, '--mirror does not apply'],
  [{ from: 'source', suite: 'trixie' }, '--suite does not apply'],
  [{ from: FILE, suite: 'trixie' }, '--suite does not apply'],
  [{ tools: true, targets: 'riscv64' }, '--targets does not apply to --tools'],
  [{}, '--from is missing'],
])('%j is refused', async (options, what) => {
  await expect((async () => run(['8.2'], options))()).rejects.toMatchObject({
    diagnostics: [{ code: 'USAGE', what: expect.stringContaining(what) }],
  })
})
