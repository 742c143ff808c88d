/** Writes an image of any kind. */
import { existsSync } from 'node:fs'
import { resolve } from 'node:path'
import { gzipSync } from 'node:zlib'
import { BringupError } from '../../diagnostics.ts'
import { cpio } from './cpio.ts'
import { writeDisk } from './disk.ts'
import { type ImageMeans, writeFat } from './fat.ts'
import { readSource, replaceFile, writeAll } from './files.ts'
import type { CpioImage, FileSource, ImageSpec } from './image.ts'
import { problems } from './problems.ts'
import { writeRaw } from './raw.ts'

/**
 * Writes an image; what was there before is replaced once the new one is whole.
 *
 * @param to Where it goes, absolute or relative to the current folder.
 * @throws BringupError with everything that is wrong with it
 */
export async function writeImage(image: ImageSpec, to: string, means: ImageMeans): Promise<void> {
  const missing = imageInputs(image).filter((path) => !existsSync(resolve(means.folder, path)))
  if (missing.length > 0)
    throw new BringupError(missing.map((path) => problems.IMAGE_SOURCE_MISSING.at('', `there is no ${path}`)))
  if (image.kind === 'fat') return writeFat(image, to, means)
  if (image.kind === 'raw') return writeRaw(image, to, means.folder)
  if (image.kind === 'disk') return writeDisk(image, to, means.folder)
  return writeCpio(image, to, means.folder)
}

/** Files and folders that an image is made of. */
export function imageInputs(image: ImageSpec): readonly string[] {
  const sources = (list: readonly FileSource[]) => list.flatMap((s) => ('from' in s ? [s.from] : []))
  if (image.kind === 'raw') return sources(image.pieces.map((p) => p.source))
  if (image.kind === 'disk')
    return [
      ...(image.bootCode === undefined ? [] : [image.bootCode]),
      ...image.partitions.flatMap((p) => p.from ?? []),
    ]
  const folder = image.kind === 'fat' && image.folder !== undefined ? [image.folder] : []
  return [...folder, ...sources(Object.values(image.files ?? {}))]
}

/** Programs that are run to make an image. */
export function imagePrograms(image: ImageSpec): readonly string[] {
  return image.kind === 'fat' ? ['mformat', 'mmd', 'mcopy'] : []
}

async function writeCpio(image: CpioImage, to: string, folder: string): Promise<void> {
  const archive = cpio(
    Object.entries(image.files).map(([path, source]) => ({
      kind: 'file',
      path,
      mode: source.mode ?? 0o644,
      content: readSource(source, folder),
    })),
  )
  // zlib writes no name and a time of zero, so the same archive stays the same bytes.
  const bytes = image.isCompressed ? gzipSync(archive, { level: 9 }) : archive
  await replaceFile(to, (_path, fd) => writeAll(fd, bytes, 0))
}
