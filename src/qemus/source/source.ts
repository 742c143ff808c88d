/** Where a source tree of QEMU comes from: a release, the distribution, a tarball, a folder. */
import { createHash } from 'node:crypto'
import { existsSync, statSync } from 'node:fs'
import { basename, join, resolve } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { makeFolder } from '../../own-files.ts'
import { fill } from '../../processes/fill.ts'
import { digestOf } from '../digests.ts'
import { diskFull } from '../problems.ts'
import {
  type AptContext,
  choosePackage,
  downloadSource,
  type SourcePackage,
  sourcePackages,
} from './apt-source.ts'
import type { SourceKind } from './dependencies.ts'
import { downloadRelease, newestRelease, type ReleaseSite } from './release.ts'
import { problems as signatureProblems } from './signature.ts'
import { unpackTarball } from './tarball.ts'
import { readTree, type SourceTree } from './tree.ts'

export const problems = defineDiagnostics({
  QEMU_SOURCE_SPEC: {
    title: 'What is to be built from source is not named in a form that bringup knows.',
    why: 'a version is digits and dots, such as 7.2 or 8.2.1',
    remedy: 'name a version, or a tarball or folder with --from PATH',
  },
  QEMU_VERSION_DIFFERS: {
    title: 'The source is of another version than the one that was requested.',
    why: 'its file VERSION says which it is',
    remedy: 'request that version, or name another source',
  },
  QEMU_UNPACK_FAILED: {
    title: 'A source package could not be unpacked.',
    why: 'dpkg-source refused it; its output is the evidence',
    remedy: 'run this again; if that does not help, delete the download that it names',
  },
})

export interface SourceContext extends AptContext {
  /** Where releases are downloaded, and whose signatures count. */
  readonly site: ReleaseSite
  /** Digest that a release or tarball must have. */
  readonly sha256?: string
}

/** What can be known of a source before it is fetched. */
export interface FoundSource {
  readonly kind: SourceKind
  /** As far as it is known: a series such as 8.2 of releases, 7.2 of Debian's package of 7.2.22. */
  readonly version: string
  /** For people and the record: a URL, a path, or `apt-source SUITE`. */
  readonly name: string
  readonly fetch: (context: SourceContext) => Promise<FetchedSource>
}

export interface FetchedSource {
  readonly tree: SourceTree
  /** Changes with the content; of a folder, only with its path. */
  readonly key: string
  readonly name: string
  readonly sha256?: string
  readonly signedBy?: string
  readonly commit?: string
  /** Of a source package: its firmware is in packages of that suite. */
  readonly suite?: string
}

const VERSION = /^\d+\.\d+(\.\d+)?$/

/**
 * @param from `source`, `apt-source`, or the path of a tarball or a folder
 * @param spec A version; optional for a path, which must agree with it
 * @throws BringupError QEMU_SOURCE_SPEC, QEMU_SOURCE_UNKNOWN, and why a list could not be fetched
 */
export async function findSource(
  from: string,
  spec: string | undefined,
  context: SourceContext,
): Promise<FoundSource> {
  if (from !== 'source' && from !== 'apt-source') return localSource(resolve(from), spec)
  if (spec === undefined || !VERSION.test(spec))
    throw new BringupError([
      problems.QEMU_SOURCE_SPEC.at('', `"${spec ?? ''}" is not a version of QEMU`, {
        remedy: `bringup qemu install 8.2 --from ${from}`,
      }),
    ])
  return from === 'source' ? release(spec, context) : aptSource(spec, context)
}

function release(spec: string, context: SourceContext): FoundSource {
  const isWhole = spec.split('.').length > 2
  return {
    kind: 'release',
    version: spec,
    name: isWhole ? context.site.urlOf(spec) : `${context.site.index}, the newest ${spec}`,
    // The index of a series is read now: curl may have been installed just before.
    fetch: async (c) => {
      const version = await newestRelease(spec, c)
      const { file, signedBy } = await downloadRelease(version, join(c.folder, 'downloads'), c)
      return unpackedTarball(file, c.site.urlOf(version), c, version, signedBy)
    },
  }
}

async function aptSource(spec: string, context: SourceContext): Promise<FoundSource> {
  const found = choosePackage(spec, await sourcePackages(context))
  return {
    kind: 'apt-source',
    version: found.upstream,
    name: `apt-source ${found.suite}`,
    fetch: (c) => unpackedPackage(found, spec, c),
  }
}

async function unpackedPackage(found: SourcePackage, spec: string, context: SourceContext) {
  const { folder, signal } = context
  context.progress(`downloading the source package qemu ${found.version} (${found.suite})`)
  const dsc = await downloadSource(found, context)
  const sha256 = await digestOf(dsc, signal)
  const to = join(folder, 'trees', `${found.upstream}-${sha256.slice(0, 12)}`)
  const make = async (partial: string, environment: Readonly<Record<string, string>>) => {
    context.progress('unpacking the source of QEMU')
    // The signature of the person who uploaded it is in no keyring that systems have: apt has checked the digest.
    const result = await execa('dpkg-source', ['--no-check', '--extract', dsc, partial], {
      env: { LC_ALL: 'C', ...environment },
      reject: false,
      cancelSignal: signal,
      stdin: 'ignore',
      all: true,
    })
    signal.throwIfAborted()
    if (!result.failed) return
    const evidence = (result.all ?? result.message ?? '').split('\n').slice(-10)
    if (evidence.some((l) => l.includes('No space left on device'))) throw diskFull(to, evidence)
    throw new BringupError([
      problems.QEMU_UNPACK_FAILED.at('', `dpkg-source could not unpack ${dsc}`, { evidence }),
    ])
  }
  await fill({ path: to, signal, make })
  const tree = readTree(to)
  agree(tree, spec)
  return {
    tree,
    key: basename(to),
    name: `apt-source ${found.suite} ${found.version}`,
    sha256,
    suite: found.suite,
  }
}

function localSource(path: string, spec: string | undefined): FoundSource {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (stat?.isDirectory()) {
    const tree = readTree(path)
    if (spec !== undefined) agree(tree, spec)
    return { kind: 'tree', version: tree.version, name: path, fetch: (c) => localTree(tree, c) }
  }
  if (!stat?.isFile())
    throw new BringupError([
      problems.QEMU_SOURCE_SPEC.at('', `--from ${path}: no such file or folder`, {
        why: '--from takes packages, source, apt-source, or the path of a tarball or a source tree',
        remedy: 'correct the path',
      }),
    ])
  const named = /qemu-(\d+\.\d+[.\d]*\d|\d+\.\d+)/.exec(basename(path))?.[1] ?? spec ?? '0'
  return {
    kind: 'tarball',
    version: named,
    name: path,
    fetch: (c) => unpackedTarball(path, path, c, spec),
  }
}

async function localTree(tree: SourceTree, { signal }: SourceContext): Promise<FetchedSource> {
  const key = createHash('sha256').update(tree.folder).digest('hex').slice(0, 12)
  if (!existsSync(join(tree.folder, '.git'))) return { tree, key, name: tree.folder }
  const { stdout, failed } = await execa('git', ['-C', tree.folder, 'rev-parse', 'HEAD'], {
    reject: false,
    cancelSignal: signal,
  })
  signal.throwIfAborted()
  return { tree, key, name: tree.folder, ...(failed ? {} : { commit: stdout.trim() }) }
}

async function unpackedTarball(
  tarball: string,
  name: string,
  context: SourceContext,
  spec: string | undefined,
  signedBy?: string,
): Promise<FetchedSource> {
  const { folder, signal } = context
  const sha256 = await digestOf(tarball, signal)
  if (context.sha256 !== undefined && context.sha256.toLowerCase() !== sha256)
    throw new BringupError([
      signatureProblems.QEMU_CHECKSUM_WRONG.at('', `${tarball} has the SHA-256 ${sha256}`, {
        evidence: [`--sha256 ${context.sha256}`],
      }),
    ])
  const to = join(folder, 'trees', `tarball-${sha256.slice(0, 12)}`)
  makeFolder(join(folder, 'trees'))
  try {
    await fill({
      path: to,
      signal,
      make: async (partial, environment) => {
        context.progress('unpacking the source of QEMU')
        await unpackTarball({ tarball, to: partial, signal, environment })
        readTree(partial)
      },
    })
  } catch (error) {
    // The cache has room for all that is small: only the tree can have filled the disk.
    const cause = (error as Error).cause as NodeJS.ErrnoException | undefined
    if (cause?.code === 'ENOSPC' || cause?.code === 'EDQUOT') throw diskFull(to, [cause.message])
    throw error
  }
  const tree = readTree(to)
  if (spec !== undefined) agree(tree, spec)
  return { tree, key: basename(to), name, sha256, ...(signedBy === undefined ? {} : { signedBy }) }
}

/** @throws BringupError QEMU_VERSION_DIFFERS */
function agree({ version, folder }: SourceTree, spec: string): void {
  if (version === spec || version.startsWith(`${spec}.`)) return
  throw new BringupError([
    problems.QEMU_VERSION_DIFFERS.at('', `QEMU ${spec} was requested; ${folder} holds ${version}`),
  ])
}
