/** Step: packages are installed. Undone by removing exactly those that came, and the accounts that they made. */
import { existsSync, statfsSync } from 'node:fs'
import * as z from 'zod'
import type { Diagnostic } from '../../diagnostics.ts'
import { plural } from '../../plural.ts'
import type { HostCommand } from '../../steps/host-command.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep, type Finding, type UndoFinding } from '../../steps/step.ts'
import { KEPT, keepAfter, keepBefore, restoreAccounts } from '../accounts.ts'
import { loadManager } from '../managers/index.ts'
import type { InstallPreview, PackageManager } from '../managers/manager.ts'
import { problems } from '../managers/problems.ts'
import { nearest } from '../nearest.ts'

const schema = z.object({
  manager: z.enum(['apt', 'dnf', 'pacman', 'zypper', 'apk']),
  /** One inner list a package: alternatives, of which the first that the archive has is taken. */
  packages: z.array(z.array(z.string().regex(/^[\w@][\w.+:@-]*$/)).nonempty()),
  /** Folder of this step's own below `/var/lib/bringup`. */
  kept: z.string().regex(/^\/var\/lib\/bringup\/[\w-]+$/),
})

type Params = z.output<typeof schema>

interface Before {
  /** Every package that comes, those that only follow included. */
  readonly added: readonly string[]
  readonly [key: string]: readonly string[]
}

/** A free folder for `kept`. */
export const keptFolder = (id: string): string => `${KEPT}/${id}`

export const packagesInstall = defineStep<Params, Before>({
  kind: 'packages.install',
  schema,
  needs: ['root', 'network'],
  describe: ({ packages }) => `install ${packages.map((alternatives) => alternatives[0]).join(', ')}`,
  async check(params, host) {
    const manager = await loadManager(params.manager)
    const installed = await manager.installed(params.packages.flat(), host)
    const missing = params.packages.filter((names) => !names.some((name) => installed.has(name)))
    const interrupted = await manager.interruption(host)
    if (missing.length === 0 && !interrupted)
      return { state: 'done', detail: [...installed].map((p) => p.join(' ')).join(', ') }
    if (interrupted) return { state: 'later', detail: `once this is finished: ${interrupted.what}` }
    return installMissing(missing, params, manager, host)
  },
  undo: async (params, before, host) => takeAway(params, before, await loadManager(params.manager), host),
  explain: async ({ manager }, lines) => (await loadManager(manager)).explain(lines),
})

async function installMissing(
  missing: readonly (readonly string[])[],
  params: Params,
  manager: PackageManager,
  host: HostReader,
): Promise<Finding<Before>> {
  const known = await manager.known(missing.flat(), host)
  const unknown = missing.filter((names) => !names.some((name) => known.has(name)))
  if (unknown.length > 0) {
    if (manager.staleness(host))
      return { state: 'later', detail: 'their dependencies are known once the package list is updated' }
    return { state: 'blocked', diagnostics: await unknownPackages(unknown, manager, host) }
  }
  const locked = manager.lock(host)
  if (locked) return { state: 'blocked', diagnostics: [locked] }
  const names = missing.map((alternatives) => alternatives.find((n) => known.has(n)) ?? '')
  const preview = await manager.preview(names, host)
  if (!('added' in preview)) return { state: 'blocked', diagnostics: preview }
  const tight = spaceProblem(preview)
  if (tight) return { state: 'blocked', diagnostics: [tight] }
  const others = preview.added.length - names.length
  return {
    state: 'change',
    detail: `${plural(names.length, 'package')}${others > 0 ? ` and ${plural(others, 'dependency', 'dependencies')}` : ''}`,
    before: { added: preview.added },
    commands: [
      ...keepBefore(params.kept, host),
      ...(manager.downloadCommand ? [manager.downloadCommand(names)] : []),
      manager.installCommand(names),
      ...keepAfter(params.kept),
    ],
    ...(preview.cost ? { cost: preview.cost } : {}),
    ...(preview.upgraded.length > 0
      ? { warnings: [problems.PACKAGES_UPGRADED.at('', preview.upgraded.join(', '))] }
      : {}),
  }
}

async function takeAway(
  params: Params,
  before: Before,
  manager: PackageManager,
  host: HostReader,
): Promise<UndoFinding> {
  const interrupted = await manager.interruption(host)
  const fix: readonly HostCommand[] = interrupted?.commands ?? []
  const left = await manager.leftovers(before.added, host)
  const accounts = restoreAccounts(params.kept, host)
  if (left.length === 0 && accounts.length === 0 && fix.length === 0)
    return { state: 'done', detail: 'removed' }
  if (left.length === 0)
    return {
      state: 'change',
      detail: 'forget the accounts that they made',
      commands: [...fix, ...accounts],
    }
  const locked = manager.lock(host)
  if (locked) return { state: 'blocked', diagnostics: [locked] }
  const others = (await manager.previewRemoval(left, host)).filter((name) => !before.added.includes(name))
  if (others.length > 0)
    return {
      state: 'blocked',
      diagnostics: [problems.PACKAGES_NEEDED_BY_OTHERS.at('', `needed by ${others.join(', ')}`)],
    }
  // Which accounts they leave behind is seen when they are gone: the engine asks again.
  return {
    state: 'change',
    detail: `remove ${plural(left.length, 'package')}`,
    commands: [...fix, manager.removeCommand(left)],
  }
}

async function unknownPackages(
  unknown: readonly (readonly string[])[],
  manager: PackageManager,
  host: HostReader,
): Promise<readonly Diagnostic[]> {
  const all = await manager.allNames(host)
  return unknown.map((names) => {
    const near = nearest(names[0] ?? '', all)
    const hint = near.length === 0 ? '' : `; near: ${near.join(', ')}`
    return problems.PACKAGE_UNKNOWN.at('', `there is no package ${names.join(' or ')}${hint}`)
  })
}

/** Where apt puts what it fetches; it may be a file system of its own. */
const ARCHIVES = '/var/cache/apt/archives'

/** Archives and what they unpack to may lie on one file system: both have to fit. */
function spaceProblem({ cost }: InstallPreview): Diagnostic | undefined {
  const needed = [
    [existsSync(ARCHIVES) ? ARCHIVES : '/var/cache', cost?.downloadBytes ?? 0],
    ['/usr', (cost?.diskBytes ?? 0) + (cost?.downloadBytes ?? 0)],
  ] as const
  const mebibytes = (bytes: number) => `${Math.ceil(bytes / 1024 / 1024)}M`
  for (const [path, bytes] of needed) {
    const { bavail, bsize } = statfsSync(path)
    if (bavail * bsize < bytes)
      return problems.PACKAGES_NO_SPACE.at(
        '',
        `${path} has ${mebibytes(bavail * bsize)} free; ${mebibytes(bytes)} are needed`,
      )
  }
  return undefined
}
