/** The making of Debian images: one at a time, and nothing left of one that was ended. */
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { expect, onTestFinished, test } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

/** A net only: a loaded computer may take minutes for each of them, and a condition that never comes ends with the test. */
const UNHURRIED = { timeout: 1_000_000, interval: 50 }

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
  async (signal) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup debian, '))
    onTestFinished(() => rmSync(folder, { recursive: true, force: true }))
    const cwd = join(folder, 'project')
    mkdirSync(cwd)
    const start = () =>
      execa(process.execPath, [BIN, 'run', '--profile', 'debian', '--', 'true'], {
        cwd,
        env: { XDG_CACHE_HOME: join(folder, 'cache') },
        reject: false,
      })
    // A builder that ends without making an image would leave nothing to wait for.
    const isMaking = async (builder: ReturnType<typeof start>) => {
      const says = new Promise<string>((resolve) =>
        builder.stderr.on(
          'data',
          (text) => `${text}`.includes('making a Debian') && resolve('makes an image'),
        ),
      )
      const ends = builder.then(({ exitCode, stderr }) => `ended with ${exitCode}: ${stderr}`)
      expect(await Promise.race([says, ends])).toBe('makes an image')
    }
    const first = start()
    await isMaking(first)
    const bootstraps = () => processesOf(folder).filter((words) => /perl.*mmdebstrap/.test(words))
    await expect.poll(bootstraps, UNHURRIED).not.toEqual([])
    const second = start()
    const secondMakes = isMaking(second)
    // The holder’s flock has become `cat`: only those that wait are left.
    const waiting = () => processesOf(folder).filter((words) => words.startsWith('flock'))
    await expect.poll(waiting, UNHURRIED).toHaveLength(1)
    const third = start()
    await expect.poll(waiting, UNHURRIED).toHaveLength(2)
    third.kill('SIGINT')
    expect((await third).exitCode).toBe(130)
    first.kill(signal)
    expect((await first).signal ?? (await first).exitCode).toBe(signal === 'SIGINT' ? 130 : signal)
    await secondMakes
    second.kill('SIGINT')
    expect((await second).exitCode).toBe(130)
    await expect.poll(() => processesOf(folder), UNHURRIED).toEqual([])
    expect(readdirSync(join(folder, 'cache/bringup/debian'))).toEqual(['lock'])
    expect(readFileSync('/proc/self/mounts', 'utf8')).not.toContain('bringup\\040debian')
  },
)
