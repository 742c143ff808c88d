/**
 * A folder for QEMU's temporary files. For an image that is discarded, QEMU creates a file in TMPDIR, opens it, and
 * unlinks it only then (`create_tmp_file` and BDRV_O_TEMPORARY in QEMU's block.c): killed in between, it leaves the file.
 */
import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { makeFolder } from '../own-files.ts'
import { startGuard } from '../processes/guard.ts'
import { randomDigits } from '../random-name.ts'

export interface TemporaryFolder extends Disposable {
  /** For the environment of the QEMU that is to use it: it then ends before the folder goes. */
  readonly environment: Readonly<Record<string, string>>
}

/** Without TMPDIR, QEMU puts such files where they are kept on a disk. */
const DEFAULT = '/var/tmp'

/**
 * Makes a folder in TMPDIR that is removed when it is disposed of, or once this process and its QEMU have been killed.
 * Undefined where there is no room for it: QEMU then says what is wrong with TMPDIR.
 */
export function makeTemporaryFolder(): TemporaryFolder | undefined {
  const path = join(process.env.TMPDIR || DEFAULT, `bringup-qemu-${randomDigits(16)}`)
  const guard = startGuard({ graceMs: 0, remove: path })
  const remove = () => {
    try {
      rmSync(path, { recursive: true, force: true })
      guard[Symbol.dispose]()
    } catch {
      // What QEMU started may still write there: the guard ends that first.
      guard.process.stdin?.destroy()
    }
  }
  try {
    makeFolder(path)
  } catch {
    remove()
    return undefined
  }
  return { environment: { ...guard.environment, TMPDIR: path }, [Symbol.dispose]: remove }
}
