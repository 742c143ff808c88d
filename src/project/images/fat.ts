/** FAT file systems, written with mtools: no root, no mount. Serial number and times are fixed. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'
import { BringupError } from '../../diagnostics.ts'
import { readSource, replaceFile, sizeOf, treeOf } from './files.ts'
import type { FatImage, FileTree } from './image.ts'
import { problems } from './problems.ts'

/** Runs one program to its end. */
export type RunTool = (
  argv: readonly [string, ...string[]],
  env: Readonly<Record<string, string>>,
) => Promise<{ readonly exitCode: number; readonly output: string }>

/** What the image is made with: where relative paths begin, and how programs are run. */
export interface ImageMeans {
  readonly folder: string
  readonly run: RunTool
}

const SECTOR = 512
const FLOPPY_SECTORS = 2880
const MIB = 1024 * 1024
/** FAT32 needs 65525 clusters of at least a sector (Microsoft FAT specification 1.03, "FAT Type Determination"). */
const FAT32_BYTES = 34 * MIB

/** 1980-01-01, where FAT's clock begins, unless SOURCE_DATE_EPOCH says otherwise (reproducible-builds.org). */
const environment = () => ({
  SOURCE_DATE_EPOCH: process.env.SOURCE_DATE_EPOCH ?? '315532800',
  TZ: 'UTC',
  LC_ALL: 'C.UTF-8',
  MTOOLS_SKIP_CHECK: '1',
  MTOOLSRC: '/dev/null',
})

/**
 * Writes a FAT image.
 *
 * @throws BringupError IMAGE_TOO_SMALL, IMAGE_TOOL_FAILED
 */
export async function writeFat(image: FatImage, to: string, means: ImageMeans): Promise<void> {
  const files = {
    ...(image.folder === undefined ? {} : treeOf(resolve(means.folder, image.folder))),
    ...image.files,
  }
  const sectors = sectorsOf(image, files, means.folder)
  // mtools names files in the image as they are named on disk, so they are laid out there first.
  const stage = mkdtempSync(join(tmpdir(), 'bringup-fat-'))
  try {
    await replaceFile(to, async (path) => {
      await run(means, ['mformat', ...formatArgs(image, sectors), '-i', path, '::'])
      for (const [folder, names] of foldersOf(files)) {
        if (folder !== '.') await run(means, ['mmd', '-i', path, `::/${folder}`])
        const staged = names.map((name) => stageFile(stage, join(folder, name), files, means.folder))
        if (staged.length > 0)
          await run(means, ['mcopy', '-i', path, ...staged, folder === '.' ? '::/' : `::/${folder}/`])
      }
    })
  } finally {
    rmSync(stage, { recursive: true, force: true })
  }
}

function formatArgs({ label, isFat32 }: FatImage, sectors: number): readonly string[] {
  return [
    '-C',
    '-N',
    '42525550',
    ...(label === undefined ? [] : ['-v', label]),
    ...(isFat32 ? ['-F'] : []),
    ...(sectors === FLOPPY_SECTORS ? ['-f', '1440'] : ['-T', `${sectors}`, '-h', '64', '-s', '32']),
  ]
}

function sectorsOf(image: FatImage, files: FileTree, folder: string): number {
  const sizes = Object.values(files).map((source) => sizeOf(source, folder))
  const least = image.isFat32 ? FAT32_BYTES : FLOPPY_SECTORS * SECTOR
  const content = sizes.reduce((sum, size) => sum + Math.ceil(size / 4096) * 4096, 0)
  // A cluster a folder and directory entries of long names, two FATs: 2 % and a MiB are more than that.
  const comfortable = Math.ceil((content * 1.02 + MIB + Object.keys(files).length * 512) / MIB) * MIB
  const bytes = image.bytes ?? (content < MIB ? least : Math.max(least, comfortable))
  if (bytes < content)
    throw new BringupError([
      problems.IMAGE_TOO_SMALL.at('', `${content} bytes of files do not fit into an image of ${bytes} bytes`),
    ])
  return Math.ceil(bytes / SECTOR)
}

/** Folders before what is in them, sorted; the root first. */
function foldersOf(files: FileTree): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>([['.', []]])
  for (const path of Object.keys(files).sort()) {
    const parts = dirname(path).split('/')
    for (let depth = 1; depth <= parts.length; depth++) {
      const folder = parts.slice(0, depth).join('/')
      if (!folders.has(folder)) folders.set(folder, [])
    }
    folders.get(dirname(path))?.push(path.slice(path.lastIndexOf('/') + 1))
  }
  return folders
}

function stageFile(stage: string, path: string, files: FileTree, folder: string): string {
  const staged = join(stage, path)
  const source = files[path]
  mkdirSync(dirname(staged), { recursive: true })
  if (source) writeFileSync(staged, readSource(source, folder))
  return staged
}

async function run(means: ImageMeans, argv: readonly [string, ...string[]]): Promise<void> {
  const { exitCode, output } = await means.run(argv, environment())
  if (exitCode === 0) return
  const evidence = output.split('\n').filter(Boolean).slice(-10)
  const isFull = /disk full|no space/i.test(output)
  const what = `${argv[0]} ended with ${exitCode}`
  throw new BringupError([
    (isFull ? problems.IMAGE_TOO_SMALL : problems.IMAGE_TOOL_FAILED).at('', what, { evidence }),
  ])
}
