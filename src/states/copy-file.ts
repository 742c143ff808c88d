/** Copies large files with holes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

/**
 * cp knows holes (SEEK_DATA), which Node does not: most of the RAM of a guest that has just booted is one. Where the file
 * system can share blocks, nothing is copied at all.
 */
export async function copyFile(from: string, to: string): Promise<void> {
  // A link of proc is followed, also if its file was deleted.
  await promisify(execFile)('cp', ['--sparse=always', '--reflink=auto', '--no-preserve=all', from, to], {
    env: { ...process.env, LC_ALL: 'C' },
  })
}
