/** Debian packages that are downloaded and unpacked into the user's cache, never installed; no root, no dpkg database. */
import { createHash } from 'node:crypto'
import { existsSync, rmSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { makeFolder } from '../../../own-files.ts'
import { fill } from '../../../processes/fill.ts'
import { startGuard } from '../../../processes/guard.ts'
import { formatRoundBytes } from '../../../units.ts'

export const problems = defineDiagnostics({
  LINUX_NO_APT: {
    title: 'This distribution has no apt, which the Linux profile needs for downloads.',
    why: 'the profile downloads a kernel, busybox and named programs as Debian or Ubuntu packages',
    remedy:
      'give a kernel of your own with --kernel (and `modulesFolder`), and install a static busybox and the programs on this computer',
  },
  LINUX_PACKAGE_UNKNOWN: {
    title: 'apt has no package with that name.',
    why: 'the lists of packages on this computer are missing or old, or the name is wrong',
    remedy: 'run `apt-get update` as root; if that does not help, check the name with `apt-cache search`',
  },
  LINUX_DOWNLOAD_FAILED: {
    title: 'A package could not be downloaded.',
    why: 'apt could not get it; its output is the evidence',
    remedy: 'check the network, run `apt-get update` as root, and try again; finished downloads are kept',
  },
  LINUX_UNPACK_FAILED: {
    title: 'A package could not be unpacked.',
    why: 'the file is damaged, or there is no room in the cache',
    remedy: 'check the free space in the cache folder, then try again',
  },
})

export interface PackageContext {
  /** `linux` below the user's cache. */
  readonly folder: string
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
}

/** Something that changes when the lists of packages or the installed packages do; warm runs compare only this. */
export function packagesStamp(): string {
  return ['/var/lib/apt/lists', '/var/lib/dpkg/status'].map((path) => `${mtimeOf(path)}`).join(' ')
}

function mtimeOf(path: string): number {
  try {
    return statSync(path).mtimeMs
  } catch {
    return 0
  }
}

const ENV = { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' }

async function apt(
  program: 'apt-cache' | 'apt-get',
  args: readonly string[],
  { signal }: PackageContext,
  cwd?: string,
) {
  // apt's methods download on when apt alone is killed: the guard ends them with this process.
  using guard = startGuard({ graceMs: 0 })
  const { execa } = await import('execa')
  const result = await execa(program, args, {
    env: { ...ENV, ...guard.environment },
    reject: false,
    cancelSignal: signal,
    ...(cwd === undefined ? {} : { cwd }),
  })
  signal.throwIfAborted()
  if (result.code === 'ENOENT')
    throw new BringupError([problems.LINUX_NO_APT.at('', `there is no ${program} on this computer`)])
  return { failed: result.failed, stdout: result.stdout, words: result.stderr.split('\n').filter(Boolean) }
}

/** One paragraph of `apt-cache show`: what the newest version depends on. */
export function dependenciesIn(show: string): readonly string[] {
  const line = /^Depends: (.*)$/m.exec(show)?.[1] ?? ''
  return line
    .split(',')
    .map((one) => one.trim().split(/[ (|:]/)[0] ?? '')
    .filter(Boolean)
}

/**
 * The packages of a kernel: from a name such as `linux-image-cloud-amd64` (or Ubuntu's `linux-image-virtual`) to the
 * versioned image it depends on, with the packages of its modules.
 *
 * @throws BringupError LINUX_NO_APT, LINUX_PACKAGE_UNKNOWN
 */
export async function kernelPackages(name: string, context: PackageContext): Promise<readonly string[]> {
  const found = new Set<string>()
  const visit = async (one: string): Promise<void> => {
    if (found.has(one)) return
    const { stdout } = await apt('apt-cache', ['show', '--no-all-versions', one], context)
    if (stdout.trim() === '') {
      if (found.size > 0) return
      throw new BringupError([problems.LINUX_PACKAGE_UNKNOWN.at('', `apt knows no package "${one}"`)])
    }
    found.add(one)
    for (const next of dependenciesIn(stdout))
      if (/^linux-(image|modules|main-modules)-/.test(next)) await visit(next)
  }
  await visit(name)
  return [...found].filter((one) => /-\d+\.\d+/.test(one))
}

/**
 * The packages of what modules for a kernel are built with: its headers, and those that they depend on.
 *
 * @throws BringupError LINUX_NO_APT, LINUX_PACKAGE_UNKNOWN
 */
export async function headerPackages(release: string, context: PackageContext): Promise<readonly string[]> {
  const name = `linux-headers-${release}`
  const { stdout } = await apt('apt-cache', ['show', '--no-all-versions', name], context)
  if (stdout.trim() === '')
    throw new BringupError([problems.LINUX_PACKAGE_UNKNOWN.at('', `apt knows no package "${name}"`)])
  return [name, ...dependenciesIn(stdout).filter((one) => /^linux-(headers|kbuild)-/.test(one))]
}

/** The packages and those of their dependencies that are not installed here, as `name=version`, in apt's own words. */
export async function missingPackages(
  names: string | readonly string[],
  context: PackageContext,
): Promise<readonly string[] | undefined> {
  const empty = join(context.folder, 'empty-archive')
  makeFolder(join(empty, 'partial'))
  const options = [
    '-o',
    `Dir::Cache::archives=${empty}`,
    '-o',
    'Debug::NoLocking=1',
    '-qq',
    '-y',
    '--no-install-recommends',
  ]
  const { stdout, failed } = await apt(
    'apt-get',
    [...options, '--print-uris', '--reinstall', 'install', ...[names].flat()],
    context,
  )
  return failed ? undefined : packagesIn(stdout)
}

/** Lines of `--print-uris`: `'http://…' ndctl_76.1-1_amd64.deb 218832 SHA256:…`. */
export function packagesIn(uris: string): readonly string[] {
  return uris.split('\n').flatMap((line) => {
    const file = /^'\S+' (\S+)\.deb /.exec(line)?.[1]
    const [name, version] = file?.split('_') ?? []
    return name === undefined || version === undefined ? [] : [`${name}=${decodeURIComponent(version)}`]
  })
}

/**
 * Downloads and unpacks packages that are not in the cache yet.
 *
 * Each lies in a folder of its own, named after its file with version and checksum, moved into place when it is whole.
 * A download that was cut off goes on where it stopped: apt finds its partial file.
 *
 * @returns The folders, in the order asked for.
 * @throws BringupError LINUX_NO_APT, LINUX_PACKAGE_UNKNOWN, LINUX_DOWNLOAD_FAILED, LINUX_UNPACK_FAILED
 */
export async function unpackedPackages(
  names: readonly string[],
  context: PackageContext,
): Promise<readonly string[]> {
  const files = await packageFiles(names, context)
  await unpack(files, context)
  return files.map((f) => f.folder)
}

/** Downloads and unpacks those that are not in the cache yet; see `unpackedPackages`. */
export async function unpack(files: readonly PackageFile[], context: PackageContext): Promise<void> {
  for (const file of files) if (!existsSync(file.folder)) await fetchPackage(file, context)
}

/** The file of a package, and the folder of the cache that it is unpacked to. */
export interface PackageFile {
  readonly file: string
  readonly folder: string
  readonly bytes: number
}

/**
 * The files of packages, in apt's words; nothing is downloaded.
 *
 * @throws BringupError LINUX_NO_APT, LINUX_PACKAGE_UNKNOWN
 */
export async function packageFiles(
  names: readonly string[],
  context: PackageContext,
): Promise<readonly PackageFile[]> {
  if (names.length === 0) return []
  const { stdout, failed, words } = await apt(
    'apt-get',
    ['-qq', '--print-uris', 'download', ...names],
    context,
  )
  if (failed)
    throw new BringupError([
      problems.LINUX_PACKAGE_UNKNOWN.at('', `apt cannot find ${names.join(', ')}`, { evidence: words }),
    ])
  return stdout.split('\n').flatMap((line) => {
    const [, file, bytes, sum] = /^'\S+' (\S+\.deb) (\d+) (\S+)$/.exec(line.trim()) ?? []
    if (file === undefined) return []
    const name = `${file.replace(/\.deb$/, '')}_${short(sum ?? line)}`
    return [{ file, folder: join(context.folder, 'packages', name), bytes: Number(bytes) }]
  })
}

const LOOK_MS = 500

const sizeOf = (path: string) => statSync(path, { throwIfNoEntry: false })?.size ?? 0

/** Says a quarter, half and three quarters of it, each once. */
export function shareOf(total: number, say: (share: string) => void): (bytes: number) => void {
  let said = 0
  return (bytes) => {
    const quarters = Math.floor((4 * bytes) / Math.max(total, 1))
    if (quarters <= said || quarters > 3) return
    said = quarters
    say(`${25 * quarters} % of ${formatRoundBytes(total)}`)
  }
}

const short = (text: string) => createHash('sha256').update(text).digest('hex').slice(0, 12)

async function fetchPackage({ file, folder, bytes }: PackageFile, context: PackageContext): Promise<void> {
  const [name = '', version = ''] = file.split('_')
  const downloads = join(context.folder, 'downloads')
  makeFolder(downloads)
  const sayShare = shareOf(bytes, (share) => context.progress(`downloading the package ${name}: ${share}`))
  context.progress(
    `downloading the package ${name}, ${formatRoundBytes(bytes)} (unpacked in the cache, not installed)`,
  )
  const timer = setInterval(() => sayShare(sizeOf(join(downloads, file))), LOOK_MS).unref()
  // As root apt would download as the user _apt, who cannot write into a user's cache.
  const args = ['-q', '-o', 'APT::Sandbox::User=root', 'download', `${name}=${decodeURIComponent(version)}`]
  const { failed, words } = await apt('apt-get', args, context, downloads).finally(() => clearInterval(timer))
  const deb = join(downloads, file)
  if (failed || !existsSync(deb)) {
    throw new BringupError([
      problems.LINUX_DOWNLOAD_FAILED.at('', `the package ${name} ${version} could not be downloaded`, {
        evidence: words,
      }),
    ])
  }
  const make = async (partial: string, environment: Readonly<Record<string, string>>) => {
    makeFolder(partial)
    const { execa } = await import('execa')
    const result = await execa('dpkg-deb', ['-x', deb, partial], {
      env: { ...ENV, ...environment },
      reject: false,
      cancelSignal: context.signal,
    })
    context.signal.throwIfAborted()
    if (result.failed) {
      throw new BringupError([
        problems.LINUX_UNPACK_FAILED.at('', `dpkg-deb could not unpack ${deb}`, {
          evidence: result.stderr.split('\n'),
        }),
      ])
    }
  }
  await fill({ path: folder, signal: context.signal, make })
  rmSync(deb, { force: true })
}
