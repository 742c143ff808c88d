/** ext4 file systems inside disk images, filled from a folder: no mounts, no loop devices. */
import { BringupError } from '../../diagnostics.ts'
import type { RunTool } from './fat.ts'
import { problems } from './problems.ts'

/** Where in the image it goes, and what goes into it. */
export interface Ext4Image {
  /** From the start of the image, in bytes. */
  readonly start: number
  readonly bytes: number
  /** Everything in it, with owners and rights. */
  readonly folder: string
  /** Volume label, at most 16 characters. */
  readonly label: string
}

/**
 * Makes an ext4 file system at its place in an image that is there already.
 *
 * @param run Runs mke2fs; in a user namespace where the folder's owners are those of one.
 * @throws BringupError IMAGE_TOO_SMALL, IMAGE_TOOL_FAILED
 */
export async function writeExt4(
  image: string,
  { start, bytes, folder, label }: Ext4Image,
  run: RunTool,
): Promise<void> {
  const options = ['-q', '-F', '-t', 'ext4', '-L', label, '-E', `offset=${start}`, '-d', folder]
  const { exitCode, output } = await run(['mke2fs', ...options, image, `${bytes / 1024}k`], { LC_ALL: 'C' })
  if (exitCode === 0) return
  const isFull = /could not allocate|no space|not enough space/i.test(output)
  throw new BringupError([
    (isFull ? problems.IMAGE_TOO_SMALL : problems.IMAGE_TOOL_FAILED).at('', `mke2fs ended with ${exitCode}`, {
      evidence: output.split('\n').filter(Boolean).slice(-10),
    }),
  ])
}
