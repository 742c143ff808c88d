import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, expect, onTestFinished, test, vi } from 'vitest'
import { requireTools, runOrThrow, toolRunner } from './tools.ts'

afterEach(() => vi.unstubAllEnvs())
const { signal } = new AbortController()

test('what is missing is said once, with the command that installs it', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup tools-'))
  onTestFinished(() => rmSync(folder, { recursive: true }))
  vi.stubEnv('PATH', folder)
  expect(requireTools).toThrow(
    expect.objectContaining({
      code: 'DEBIAN_TOOL_MISSING',
      diagnostics: [
        expect.objectContaining({
          what: expect.stringContaining('mmdebstrap, '),
          remedy: expect.stringMatching(/apt-get install mmdebstrap .*mtools/),
        }),
      ],
    }),
  )
})

test('a program that fails is quoted; one that the namespace refuses is told apart', async () => {
  const run = toolRunner(signal)
  await expect(runOrThrow(run, ['ls', '/no/such'])).rejects.toMatchObject({
    code: 'DEBIAN_BUILD_FAILED',
    diagnostics: [{ evidence: [expect.stringContaining('No such file')] }],
  })
  const refused = toolRunner(signal, ['unshare', '--map-user=no-such-user', '--'])
  await expect(runOrThrow(refused, ['true'])).rejects.toMatchObject({ code: 'DEBIAN_NO_NAMESPACE' })
  await runOrThrow(run, ['true'])
})

test('an interrupt ends the program and what runs it', async () => {
  const controller = new AbortController()
  const running = toolRunner(controller.signal, ['setpriv', '--pdeathsig', 'KILL'])(
    ['tail', '-f', '/dev/null'],
    {},
  )
  controller.abort(new Error('interrupted'))
  await expect(running).rejects.toThrow('interrupted')
})
