/** Unpacks a tarball of QEMU's source into a folder of the cache, and nothing outside that. */
import { readdirSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join, posix } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { makeFolder, OWN_FILE } from '../../own-files.ts'

export const problems = defineDiagnostics({
  QEMU_TARBALL_UNSAFE: {
    title: 'A tarball would write outside its folder.',
    why: 'a source release holds files below one folder only',
    remedy: 'download the tarball again from a source that you trust',
  },
  QEMU_TARBALL_UNREADABLE: {
    title: 'A file is not a complete tarball of QEMU’s source.',
    why: 'tar could not read it to its end, or it holds no `configure` and `VERSION` of QEMU',
    remedy: 'download it again; a release is named qemu-VERSION.tar.xz',
  },
})

/** One member, as `tar --list --verbose` shows it. */
export interface TarMember {
  /** `-` file, `d` folder, `l` symbolic link, `h` hard link, `?` unknown, others are devices and pipes. */
  readonly kind: string
  readonly name: string
  /** Of a link. */
  readonly target?: string
}

export interface UnpackRequest {
  readonly tarball: string
  /** Made; it holds the content of the one folder in the tarball. */
  readonly to: string
  readonly signal: AbortSignal
  readonly environment: Readonly<Record<string, string>>
}

/**
 * @throws BringupError QEMU_TARBALL_UNSAFE with every such member, QEMU_TARBALL_UNREADABLE; ENOSPC as it comes
 */
export async function unpackTarball(request: UnpackRequest): Promise<void> {
  const { tarball, to } = request
  const members = parseListing(
    await tar(request, ['--list', '--verbose', '--numeric-owner', '--quoting-style=c']),
  )
  const { unsafe, outside } = judgeMembers(members)
  if (unsafe.length > 0)
    throw new BringupError([
      problems.QEMU_TARBALL_UNSAFE.at('', `${tarball}: ${unsafe[0]}`, { evidence: unsafe.slice(0, 20) }),
    ])
  makeFolder(to)
  const room = join(to, '.unpacking')
  makeFolder(room)
  const excluded = join(to, '.excluded')
  writeFileSync(excluded, outside.map((m) => `${m.name}\n`).join(''), { mode: OWN_FILE })
  await tar(request, [
    '--extract',
    `--directory=${room}`,
    '--no-same-owner',
    '--no-same-permissions',
    '--delay-directory-restore',
    '--no-wildcards',
    '--anchored',
    `--exclude-from=${excluded}`,
  ])
  rmSync(excluded)
  const [only, ...more] = readdirSync(room)
  if (only === undefined || more.length > 0 || !statSync(join(room, only)).isDirectory())
    throw unreadable(tarball, 'it does not hold exactly one folder')
  for (const name of readdirSync(join(room, only))) renameSync(join(room, only, name), join(to, name))
  rmSync(room, { recursive: true })
}

/**
 * `-rw-r--r-- 0/0 1234 2025-01-01 10:00 "name"`, links with ` -> "target"` or ` link to "target"`. A line of another
 * form is a member of the kind `?`, which is unsafe. Pure.
 */
export function parseListing(lines: readonly string[]): readonly TarMember[] {
  return lines.filter(Boolean).map((line) => {
    const [, kind, name, separator, target] = LISTED.exec(line) ?? []
    const isLink = kind === 'l' || kind === 'h'
    if (kind === undefined || name === undefined || isLink !== (target !== undefined))
      return { kind: '?', name: line }
    if (target === undefined) return { kind, name }
    return (separator === ' -> ') === (kind === 'l') ? { kind, name, target } : { kind: '?', name: line }
  })
}

/** Names are quoted as in C, so that none can look like a separator. */
const LISTED =
  /^(.)\S+ +\d+\/\d+ +(?:\d+|\d+,\d+) \d{4}-\d\d-\d\d \d\d:\d\d "((?:[^"\\]|\\.)*)"(?:( -> | link to )"((?:[^"\\]|\\.)*)")?$/

/**
 * `unsafe`: members that no source release has, in words. `outside`: symbolic links that lead out of the tree, which
 * releases do have (EDK II links to /opt/X11/include); they are left out. Pure.
 */
export function judgeMembers(members: readonly TarMember[]): {
  readonly unsafe: readonly string[]
  readonly outside: readonly TarMember[]
} {
  const top = posix.normalize(members[0]?.name ?? '').split('/')[0] ?? ''
  const leaves = (path: string) => {
    const normal = bare(posix.normalize(path))
    return normal !== top && !normal.startsWith(`${top}/`)
  }
  const outside = members.filter((m) => m.kind === 'l' && leaves(posix.join(posix.dirname(m.name), link(m))))
  const isBelowLink = (name: string) => outside.some((m) => name.startsWith(`${bare(m.name)}/`))
  const unsafe = members.flatMap((m) => {
    if (m.kind === '?') return [`tar lists a member that bringup cannot judge: ${m.name}`]
    if (m.name.startsWith('/')) return [`${m.name} has an absolute path`]
    if (m.name.split('/').includes('..')) return [`${m.name} leads out of the folder`]
    if (m.kind === 'h' && leaves(m.target ?? '')) return [`${m.name} is a hard link to ${m.target}`]
    if (!'-dlh'.includes(m.kind)) return [`${m.name} is a device or a pipe`]
    // tar leaves links out by their names; an escaped name would not match.
    if (outside.includes(m) && m.name.includes('\\')) return [`${m.name} leads out of the folder`]
    return isBelowLink(m.name) ? [`${m.name} lies behind a link that leads out of the folder`] : []
  })
  return { unsafe, outside }
}

const bare = (name: string) => name.replace(/\/+$/, '')

/** An absolute target leads out from wherever the link lies. */
const link = ({ target = '' }: TarMember) => (target.startsWith('/') ? '../'.repeat(64) : target)

const ENOSPC = /No space left on device|Disk quota exceeded/

async function tar(
  { tarball, signal, environment }: UnpackRequest,
  args: readonly string[],
): Promise<readonly string[]> {
  const result = await execa('tar', [...args, `--file=${tarball}`], {
    env: { LC_ALL: 'C', TZ: 'UTC', ...environment },
    reject: false,
    cancelSignal: signal,
    stdin: 'ignore',
    maxBuffer: 512 * 1024 * 1024,
  })
  signal.throwIfAborted()
  if (!result.failed) return result.stdout.split('\n')
  const words = (result.stderr || (result.message ?? '')).split('\n')
  if (words.some((line) => ENOSPC.test(line))) throw noSpace(tarball)
  throw unreadable(tarball, `tar ended with code ${result.exitCode ?? 'of a signal'}`, words.slice(-10))
}

/** As the file system would have said it, so that callers know one kind of full disk. */
function noSpace(path: string): NodeJS.ErrnoException {
  return Object.assign(new Error(`ENOSPC: no space left on device, unpacking ${path}`), {
    code: 'ENOSPC',
    syscall: 'write',
  })
}

function unreadable(tarball: string, why: string, evidence?: readonly string[]): BringupError {
  return new BringupError([
    problems.QEMU_TARBALL_UNREADABLE.at('', `${tarball}: ${why}`, evidence ? { evidence } : {}),
  ])
}
