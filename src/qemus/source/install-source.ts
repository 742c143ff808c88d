/** Builds a QEMU from source, and makes it an installed QEMU: staged beside the others, and whole or not there. */
import { chmodSync, copyFileSync, cpSync, existsSync, rmSync, statSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { lockHolder } from '../../host/file-locks.ts'
import { makeFolder } from '../../own-files.ts'
import { withLock } from '../../processes/file-lock.ts'
import { addQemu } from '../add.ts'
import { askStaged } from '../ask-staged.ts'
import { qemusFolder } from '../folder.ts'
import { refuseInstalled } from '../installed.ts'
import type { InstalledQemu, QemuRecord } from '../record.ts'
import { type Staging, stageQemu } from '../staging.ts'
import {
  buildSource,
  type PreparedBuild,
  prepareBuild,
  type SourceBuild,
  type SourceBuildEvent,
  type SourceBuildRequest,
} from './build.ts'
import type { SourceWish } from './configure-words.ts'
import { bringFirmware } from './firmware.ts'
import type { FetchedSource } from './source.ts'

export interface InstallSourceRequest {
  readonly source: FetchedSource
  readonly wish: SourceWish
  /** Name to install it under. Default: `nameOf`. */
  readonly name?: string
  /** Takes the place of one of the same name. */
  readonly replaces?: boolean
  readonly jobs: number
  /** `qemu` below the user's cache. */
  readonly folder: string
  readonly cacheFolder: string
  readonly signal: AbortSignal
  readonly onEvent: (event: SourceBuildEvent) => void
}

/** `7.2.22-source`, `7.2.22-tools`, `8.2.0-source-debug`. */
export function nameOf(version: string, { isToolsOnly, isDebug }: SourceWish): string {
  return [version, isToolsOnly ? 'tools' : 'source', ...(isDebug ? ['debug'] : [])].join('-')
}

/**
 * Nothing that is installed changes before the new one is complete.
 *
 * @throws BringupError QEMU_INSTALLED_ALREADY before anything is built, and why it could not be built or added; the signal's reason when aborted
 */
export async function installSource(request: InstallSourceRequest): Promise<InstalledQemu> {
  const { source, wish, signal, folder } = request
  const name = request.name ?? nameOf(source.tree.version, wish)
  const refuse = () => (request.replaces ? undefined : refuseInstalled(name))
  refuse()
  const home = join(qemusFolder(), name)
  const builds = join(folder, 'builds')
  const order: SourceBuildRequest = {
    ...request,
    tree: source.tree,
    treeKey: source.key,
    prefix: home,
    builds,
    // Debug information then names the copy of the source that is installed with it.
    ...(wish.isDebug ? { prefixMap: `${folder}=${home}/source` } : {}),
  }
  const prepared = await prepareBuild(order)
  const lock = `${prepared.folder}.lock`
  if (existsSync(lock) && lockHolder(lock) !== undefined)
    request.onEvent({ kind: 'phase', what: 'waiting for another build of the same QEMU' })
  return withLock(
    lock,
    async () => {
      // Another process may have installed it in the meantime.
      refuse()
      const installed = await install(name, { request, order, prepared })
      rmSync(prepared.folder, { recursive: true, force: true })
      return installed
    },
    signal,
  )
}

interface Means {
  readonly request: InstallSourceRequest
  readonly order: SourceBuildRequest
  readonly prepared: PreparedBuild
}

async function install(name: string, { request, order, prepared }: Means): Promise<InstalledQemu> {
  const { source, wish, signal } = request
  const build = await buildSource(order, prepared)
  request.onEvent({ kind: 'phase', what: `installing ${name}` })
  await using staging = await stageQemu(undefined, signal)
  const placed = stage(build, staging)
  const isPc = wish.architectures.some((arch) => arch === 'x86_64' || arch === 'i386')
  const { suite } = source
  const args = wish.isToolsOnly
    ? []
    : await bringFirmware(staging, { isPc, signal, ...(suite === undefined ? {} : { suite }) })
  const staged = { ...placed, start: { loader: [], environment: {}, args: [...args] } }
  if (wish.isDebug) copySource(source, build, staging.folder)
  const about = { ...staged, name, version: source.tree.version, from: originOf(source, wish, build) }
  const { features } = wish.isToolsOnly
    ? { features: [] }
    : await askStaged(staging, { ...about, features: [] }, signal)
  const replaces = request.replaces ?? false
  return await addQemu(staging, { ...about, features: [...features] }, { replaces, signal })
}

function stage(build: SourceBuild, { folder }: Staging) {
  const place = (from: string, to: string, mode: number) => {
    makeFolder(dirname(join(folder, to)), 0o755)
    copyFileSync(from, join(folder, to))
    chmodSync(join(folder, to), mode)
  }
  const programs = new Map<string, string>()
  const tools = new Map<string, string>()
  for (const [name, from] of Object.entries(build.programs)) {
    const to = `bin/${name}`
    place(from, to, 0o755)
    const arch = /^qemu-system-(.+)$/.exec(name)?.[1]
    if (arch === undefined) tools.set(name, to)
    else programs.set(arch, to)
  }
  // Pages of manuals and what other architectures need is not made.
  for (const [to, from] of Object.entries(build.data)) if (existsSync(from)) place(from, to, 0o644)
  return {
    programs: Object.fromEntries(programs),
    tools: Object.fromEntries(tools),
  }
}

/** Of no use to a debugger, and most of what a release holds. */
const NOT_COMPILED = new Set(['roms', 'tests', 'pc-bios', 'docs', 'po', 'debian', '.git'])

/** Sources and generated files, where the debug information names them. */
function copySource({ tree }: FetchedSource, build: SourceBuild, staged: string): void {
  const to = (path: string) => join(staged, 'source', relative(dirname(dirname(build.folder)), path))
  if (!relative(dirname(dirname(build.folder)), tree.folder).startsWith('..'))
    cpSync(tree.folder, to(tree.folder), {
      recursive: true,
      verbatimSymlinks: true,
      filter: (path) => !NOT_COMPILED.has(relative(tree.folder, path)),
    })
  const generated = join(build.folder, 'build')
  cpSync(generated, to(generated), {
    recursive: true,
    verbatimSymlinks: true,
    filter: (path) =>
      statSync(path, { throwIfNoEntry: false })?.isDirectory() === true || /\.(c|h|inc)$/.test(path),
  })
}

function originOf(
  source: FetchedSource,
  { isDebug }: SourceWish,
  { configure }: SourceBuild,
): QemuRecord['from'] {
  const { name, sha256, signedBy, commit } = source
  return {
    kind: 'source',
    source: name,
    ...(sha256 === undefined ? {} : { sha256 }),
    ...(signedBy === undefined ? {} : { signedBy }),
    ...(commit === undefined ? {} : { commit }),
    isDebug,
    configure: [...configure],
  }
}
