/** Copies large files with holes. */
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'

const run = promisify(execFile)

/**
 * cp knows holes (SEEK_DATA), which Node does not: most of the RAM of a guest that has just booted is one. Where the file
 * system can share blocks, nothing is copied at all.
 *
 * @throws Error that says why in the words of the system
 */
export async function copyFile(from: string, to: string): Promise<void> {
  // A link of proc is followed, also if its file was deleted.
  const argv = ['--sparse=always', '--reflink=auto', '--no-preserve=all', from, to]
  await run('cp', argv, { env: { ...process.env, LC_ALL: 'C' } }).catch((error: Error) => {
    throw new Error(`${to} was not written: ${reasonOf(error)}`, { cause: error })
  })
}

/** cp writes the system's message after the last colon. */
function reasonOf(error: Error & { readonly stderr?: string }): string {
  const said = error.stderr?.trim().split('\n').at(-1) ?? ''
  return said === '' ? error.message : said.slice(said.lastIndexOf(': ') + 1).trim()
}
