/** Raw images: bytes at places. */
import { ftruncateSync } from 'node:fs'
import { resolve } from 'node:path'
import { BringupError } from '../../diagnostics.ts'
import { copyInto, replaceFile, sizeOf, writeAll } from './files.ts'
import type { RawImage } from './image.ts'
import { problems } from './problems.ts'

const SECTOR = 512

/**
 * Writes a raw image.
 *
 * @throws BringupError IMAGE_WRONG where pieces overlap, IMAGE_TOO_SMALL
 */
export async function writeRaw(image: RawImage, to: string, folder: string): Promise<void> {
  const pieces = image.pieces
    .map(({ source, at }) => ({ source, at, end: at + sizeOf(source, folder) }))
    .sort((a, b) => a.at - b.at)
  const overlap = pieces.findIndex((piece, index) => piece.at < (pieces[index - 1]?.end ?? 0))
  if (overlap !== -1) {
    const what = `the piece at ${pieces[overlap]?.at} begins before the one before it ends, at ${pieces[overlap - 1]?.end}`
    throw new BringupError([problems.IMAGE_WRONG.at('', what)])
  }
  const needed = Math.ceil((pieces.at(-1)?.end ?? 0) / SECTOR) * SECTOR
  const bytes = image.bytes ?? needed
  if (bytes < (pieces.at(-1)?.end ?? 0))
    throw new BringupError([problems.IMAGE_TOO_SMALL.at('', `${needed} bytes do not fit into ${bytes}`)])
  await replaceFile(to, (_path, fd) => {
    ftruncateSync(fd, bytes)
    for (const { source, at } of pieces)
      if ('content' in source) writeAll(fd, Buffer.from(source.content), at)
      else copyInto(fd, resolve(folder, source.from), at)
  })
}
