/** The making of Debian images: one at a time, and nothing left of one that was ended. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

/** Processes whose command line names the folder, such as mmdebstrap’s. */
function processesOf(folder: string): readonly string[] {
  return readdirSync('/proc').flatMap((pid) => {
    try {
      const words = /^\d+$/.test(pid) ? readFileSync(`/proc/${pid}/cmdline`, 'utf8') : ''
      return words.includes(folder) ? [words.replaceAll('\0', ' ')] : []
    } catch {
      return []
    }
  })
}

test.each(['SIGINT', 'SIGKILL'] as const)(
  'a builder that is ended by %s leaves no process, no mount and no image; the next one takes over',
  { timeout: 240_000 },
  async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup debian, '))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const cwd = join(folder, 'project')
    mkdirSync(cwd)
    const start = () =>
      execa(process.execPath, [BIN, 'plan', '--profile', 'debian'], {
        cwd,
        env: { XDG_CACHE_HOME: join(folder, 'cache') },
        reject: false,
      })
    const isMaking = (builder: ReturnType<typeof start>) =>
      new Promise<void>((resolve) =>
        builder.stderr.on('data', (text) => `${text}`.includes('making a Debian') && resolve()),
      )
    const first = start()
    await isMaking(first)
    const bootstraps = () => processesOf(folder).filter((words) => /perl.*mmdebstrap/.test(words))
    await expect.poll(bootstraps, { timeout: 60_000 }).not.toEqual([])
    const second = start()
    const secondMakes = isMaking(second)
    const waiting = () => processesOf(folder).filter((words) => words.startsWith('flock'))
    await expect.poll(waiting, { timeout: 60_000 }).toHaveLength(2)
    const third = start()
    await expect.poll(waiting, { timeout: 60_000 }).toHaveLength(3)
    third.kill('SIGINT')
    expect((await third).exitCode).toBe(130)
    first.kill(signal)
    expect((await first).signal ?? (await first).exitCode).toBe(signal === 'SIGINT' ? 130 : signal)
    await secondMakes
    second.kill('SIGINT')
    expect((await second).exitCode).toBe(130)
    await expect.poll(() => processesOf(folder), { timeout: 30_000 }).toEqual([])
    expect(readdirSync(join(folder, 'cache/bringup/debian'))).toEqual(['lock'])
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain('bringup\\040debian')
  },
)
