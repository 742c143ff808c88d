/** Copies files and folders into a guest and out of it, over its command channel. What a guest reports is not trusted. */
import {
  chmodSync,
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join, posix, resolve } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { Guest } from './guest.ts'

export const problems = defineDiagnostics({
  COPY_SOURCE_MISSING: {
    title: 'The source of a copy does not exist, or is not a file, a folder or a symbolic link.',
    why: 'devices, sockets and FIFOs have no content to copy',
    remedy: 'correct the path',
  },
  COPY_TARGET_EXISTS: {
    title: 'The target of a copy from a guest exists.',
    why: 'links in an existing folder could lead what the guest wrote to other places on this computer',
    remedy: 'name a path that does not exist yet, or remove it first',
  },
  COPY_REFUSED: {
    title: 'A guest reported files that bringup does not copy to this computer.',
    why: 'names and links that lead out of the target, and trees beyond the limits, could damage this computer',
    remedy: 'copy a part of the tree, or remove the named files in the guest',
  },
})

/** Most files in one copy, and most bytes. */
const MOST_FILES = 100_000
const MOST_BYTES = 4 * 1024 ** 3
const BATCH = 200

type Channel = Pick<Guest, 'run' | 'readFile' | 'writeFile'>

/** Copies a file or a folder of this computer to a path of the guest. */
export async function copyIn(guest: Channel, from: string, to: string): Promise<void> {
  const tree = walk(from, '')
  const at = (path: string) => (path === '' ? to : posix.join(to, path))
  const folders = [posix.dirname(to), ...tree.flatMap((e) => (e.kind === 'folder' ? [at(e.path)] : []))]
  for (let i = 0; i < folders.length; i += BATCH)
    await mustRun(guest, ['mkdir', '-p', '--', ...folders.slice(i, i + BATCH)])
  for (const { kind, path } of tree) {
    const source = join(from, path)
    if (kind === 'file') await guest.writeFile(at(path), readFileSync(source), lstatSync(source).mode & 0o777)
    if (kind === 'link') await mustRun(guest, ['ln', '-sfn', '--', readlinkSync(source), at(path)])
  }
}

interface Found {
  readonly kind: 'file' | 'folder' | 'link'
  readonly path: string
}

function walk(root: string, path: string): readonly Found[] {
  const stats = lstatSync(join(root, path), { throwIfNoEntry: false })
  if (stats?.isFile()) return [{ kind: 'file', path }]
  if (stats?.isSymbolicLink()) return [{ kind: 'link', path }]
  if (stats?.isDirectory())
    return [
      { kind: 'folder', path },
      ...readdirSync(join(root, path)).flatMap((name) => walk(root, join(path, name))),
    ]
  throw new BringupError([
    problems.COPY_SOURCE_MISSING.at(
      '',
      `${join(root, path)} ${stats ? 'is a special file' : 'does not exist'}`,
    ),
  ])
}

/**
 * Copies a file or a folder of the guest to a path of this computer that does not exist yet. Files keep their
 * permission to execute, and no other; special files are left out.
 */
export async function copyOut(guest: Channel, from: string, to: string): Promise<void> {
  const target = resolve(to)
  if (lstatSync(target, { throwIfNoEntry: false }))
    throw new BringupError([problems.COPY_TARGET_EXISTS.at('', `${target} exists`)])
  const list = async (...tests: readonly string[]) =>
    checked((await mustRun(guest, ['find', from, ...tests, '-print0'])).split('\0').filter(Boolean), from)
  const folders = await list('-type', 'd')
  const files = await list('-type', 'f')
  const links = await list('-type', 'l')
  const programs = new Set(await list('-type', 'f', '-perm', '-100'))
  if (folders.length + files.length + links.length === 0)
    throw new BringupError([problems.COPY_SOURCE_MISSING.at('', `${from} in the guest is a special file`)])
  if (folders.length + files.length + links.length > MOST_FILES)
    throw refused(`more than ${MOST_FILES} files`)
  mkdirSync(dirname(target), { recursive: true })
  for (const path of folders) mkdirSync(join(target, path), { recursive: true })
  let bytes = 0
  for (const path of files) {
    const content = await guest.readFile(path === '' ? from : posix.join(from, path))
    bytes += content.length
    if (bytes > MOST_BYTES) throw refused(`more than ${MOST_BYTES} bytes`)
    mkdirSync(dirname(join(target, path)), { recursive: true })
    // No link of the guest exists yet, and `wx` follows none.
    writeFileSync(join(target, path), content, { flag: 'wx' })
    if (programs.has(path)) chmodSync(join(target, path), 0o755)
  }
  for (const path of links) {
    const link = (await mustRun(guest, ['readlink', '-n', '--', posix.join(from, path)])).replace(/\n$/, '')
    const leads = resolve(dirname(join(target, path)), link)
    if (link.startsWith('/') || link.includes('\0') || !isWithin(leads, target) || path === '')
      throw refused(`the link ${posix.join(from, path)} leads to ${link}`)
    if (!existsSync(join(target, path))) symlinkSync(link, join(target, path))
  }
}

const isWithin = (path: string, folder: string) => path === folder || path.startsWith(`${folder}/`)

const refused = (what: string) => new BringupError([problems.COPY_REFUSED.at('', what)])

/** Paths relative to what is copied. `find` prints no others; a guest may run another `find`. */
function checked(paths: readonly string[], from: string): readonly string[] {
  return paths.map((path) => {
    const relative =
      path === from ? '' : path.startsWith(`${from}/`) ? path.slice(from.length + 1) : undefined
    const isSafe =
      relative !== undefined &&
      (relative === '' || relative.split('/').every((p) => p !== '' && p !== '.' && p !== '..'))
    if (!isSafe) throw refused(`the name ${path}`)
    return relative
  })
}

async function mustRun(guest: Channel, argv: readonly string[]): Promise<string> {
  const { stdout, stderr, exitCode } = await guest.run(argv)
  if (exitCode === 0) return stdout
  const what = `${argv[0]} in the guest: ${stderr.split('\n')[0] || `exit code ${exitCode}`}`
  throw new BringupError([problems.COPY_SOURCE_MISSING.at('', what, { evidence: stderr.split('\n') })])
}
