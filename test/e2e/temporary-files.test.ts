/** Files that QEMU creates for images that are discarded: none remains, whichever process is killed. */
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, expect, it } from 'vitest'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const REAL = '/usr/bin/qemu-system-x86_64'
/** A net only. */
const UNHURRIED = { timeout: 1_000_000, interval: 20 }

const folder = mkdtempSync(join(tmpdir(), 'bringup-temporary-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))
const disk = join(folder, 'disk.img')
writeFileSync(disk, '')
truncateSync(disk, 1 << 20)
const temporary = join(folder, 'tmp')
mkdirSync(temporary)
const left = () => readdirSync(temporary, { recursive: true, encoding: 'utf8' })

/** A QEMU that does this before it starts; questions about the binary go to the real one. */
function qemuThat(name: string, script: string): string {
  const path = join(folder, name)
  const questions = '*"-machine none"* | *"-L help"* | *"-append accel"*'
  writeFileSync(path, `#!/bin/sh\ncase "$*" in ${questions}) exec ${REAL} "$@" ;; esac\n${script}\n`, {
    mode: 0o755,
  })
  return path
}

const start = (...args: string[]) =>
  execa(process.execPath, [BIN, 'run', '--memory', '64M', ...waiting(args), ...args], {
    cwd: folder,
    env: { TMPDIR: temporary },
    reject: false,
    stdin: 'ignore',
  })

/** UEFI boots the kernel from a folder, with a command line of its own. */
const waiting = (args: readonly string[]) => (args.includes('uefi') ? [] : ['--append', 'ready-hang'])

const ways: readonly (readonly string[])[] = [
  ['--disk', disk],
  ['--qemu-arg', '-snapshot'],
  ['--firmware', 'uefi'],
]

it.each(ways)(
  'a QEMU that is killed between creating and unlinking one leaves nothing (%s %s)',
  async (...args) => {
    const pidFile = join(folder, 'pid')
    rmSync(pidFile, { force: true })
    // As QEMU does: mkstemp, and what comes after that never comes.
    const qemu = qemuThat(
      'stuck-qemu',
      `echo $$ > "${pidFile}"; mktemp -q "$TMPDIR/vl.XXXXXX" > /dev/null; exec sleep inf`,
    )
    const run = start(...args, '--qemu', qemu)
    await expect.poll(() => left().filter((name) => /vl\.\w{6}$/.test(name)), UNHURRIED).toHaveLength(1)
    const pid = readFileSync(pidFile, 'utf8').trim()
    run.kill('SIGKILL')
    await run
    await expect.poll(left, UNHURRIED).toEqual([])
    const isAlive = () => readdirSync('/proc').includes(pid)
    await expect.poll(isAlive, UNHURRIED).toBe(false)
  },
)

it.each(['SIGINT', 'SIGKILL'] as const)(
  'a run that is ended by %s at any moment leaves nothing',
  async (signal) => {
    for (let i = 0; i < 8; i++) {
      const run = start('--disk', disk)
      await sleep(Math.random() * 1500)
      run.kill(signal)
      await run
      await expect.poll(left, UNHURRIED).toEqual([])
    }
  },
)
