/** Which QEMU a machine gets: the one that it names, or the first that has what it asks for. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { QemuBinary, QemuCapabilities } from '../machine/facts.ts'
import type { MachineConfig } from '../machine/machine.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { FEATURES } from '../qemu/features.ts'
import { findAllQemu, findQemu } from '../qemu/find.ts'
import { defaultQemu, qemusFolder } from './folder.ts'
import { findInstalled, installedQemus, programOf } from './installed.ts'
import { problems as roomProblems } from './problems.ts'
import { type InstalledQemu, startOf } from './record.ts'

export const problems = defineDiagnostics({
  QEMU_UNSUITABLE: {
    title: 'No QEMU here has the version or the features that were asked for.',
    why: 'bringup read the versions and features of the system’s QEMUs and the installed ones over QMP',
    remedy: 'install one that has them with `bringup qemu install`, or ask for less',
  },
  QEMU_FEATURE_UNKNOWN: {
    title: 'A feature of QEMU that bringup does not know.',
    why: 'features have names of bringup’s own, and bringup reads from the binary whether it has them',
    remedy: '`bringup qemu list --features` lists the names',
  },
  QEMU_NAME_UNKNOWN: {
    title: 'A word for a QEMU that is neither a path, a version range nor the name of an installed one.',
    why: 'a word has to name one QEMU, or say which versions are meant',
    remedy:
      'use a path such as /usr/bin/qemu-system-x86_64, a range such as ">=10", or a name that `bringup qemu list` shows',
  },
})

/** What a machine says of its QEMU. */
export type QemuWish = MachineConfig['qemu']

export interface ChooseRequest {
  readonly arch: string
  readonly wish: QemuWish
  readonly cacheFolder: string
  readonly signal?: AbortSignal
}

/** The QEMU of the system has this name where one of several is chosen. */
export const SYSTEM = 'system'

/** Ranges and features choose among the installed QEMUs and those in PATH; everything else names one. */
export function isNamed(wish: QemuWish): wish is string | undefined {
  return typeof wish !== 'object' && !isRange(wish) && asFeatures(wish) === undefined
}

/**
 * The QEMU that is meant, with what it can do.
 *
 * @throws BringupError QEMU_MISSING, QEMU_NOT_EXECUTABLE, QEMU_UNSUITABLE, QEMU_NAME_UNKNOWN, QEMU_FEATURE_UNKNOWN, and
 * those of `readCapabilities`
 */
export async function chooseQemu(request: ChooseRequest): Promise<QemuCapabilities> {
  const { arch, cacheFolder, signal } = request
  const wish = request.wish ?? process.env.BRINGUP_QEMU
  const ask = (binary: QemuBinary) => readCapabilities(binary, arch, cacheFolder, signal)
  if (isNamed(wish)) return ask(namedQemu(arch, wish))
  const { version, features } = wishOf(wish)
  checkFeatures(features)
  const isOfVersion = await versionCheck(version)
  const rejected: string[] = []
  for (const binary of candidates(arch)) {
    const qemu = await ask(binary).catch((error: unknown) => {
      signal?.throwIfAborted()
      rejected.push(`${binary.path}: ${(error as Error).message.split('\n')[0]}`)
    })
    if (!qemu) continue
    const lacks = features.filter((name) => !qemu.features.includes(name))
    if (lacks.length === 0 && isOfVersion(qemu)) return qemu
    const why = lacks.length === 0 ? '' : ` lacks ${lacks.join(', ')}`
    rejected.push(`${binary.starting?.installed ?? binary.path}: ${qemu.version.join('.')}${why}`)
  }
  const what = [
    ...(version === undefined ? [] : [`version ${version}`]),
    ...(features.length === 0 ? [] : [features.join(', ')]),
  ]
  const { remedyFor } = await import('./suggest.ts')
  throw new BringupError([
    problems.QEMU_UNSUITABLE.at('qemu', `no QEMU here has ${what.join(' and ')}`, {
      evidence: rejected,
      remedy: remedyFor({ version, features }),
    }),
  ])
}

/**
 * The binary that a word names: a path, an installed QEMU, `system`; the default where no word was given.
 *
 * @throws BringupError QEMU_MISSING, QEMU_NOT_EXECUTABLE, QEMU_NAME_UNKNOWN, QEMU_NOT_INSTALLED of a default that is gone
 */
export function namedQemu(arch: string, word: string | undefined, folder = qemusFolder()): QemuBinary {
  if (word === undefined) {
    const chosen = defaultQemu(folder)
    if (chosen === undefined) return { path: findQemu(arch, undefined) }
    const installed = installedBinary(chosen, arch, folder)
    if (installed) return installed
    const what = `the default, ${chosen}, has no record or no emulator of ${arch}`
    const remedy = 'choose another: `bringup qemu use system`'
    throw new BringupError([roomProblems.QEMU_NOT_INSTALLED.at('qemu', what, { remedy })])
  }
  if (word === SYSTEM) return { path: findQemu(arch, undefined) }
  const installed = installedBinary(word, arch, folder)
  if (installed) return installed
  const own = ofFolder(word, arch, folder)
  if (own) return own
  if (word.includes('/') || findAllQemu(word).length > 0) return { path: findQemu(arch, word) }
  throw new BringupError([problems.QEMU_NAME_UNKNOWN.at('qemu', `"${word}" is not the name of a QEMU`)])
}

/** The QEMUs to choose from, best first: the default, those in PATH, the installed ones from the newest on. */
export function candidates(arch: string, folder = qemusFolder()): readonly QemuBinary[] {
  const installed = installedQemus(folder).flatMap((qemu) => binaryIn(qemu, arch) ?? [])
  const chosen = defaultQemu(folder)
  const isDefault = ({ starting }: QemuBinary) => starting?.installed === chosen
  const system = findAllQemu(`qemu-system-${arch}`).map((path) => ({ path }))
  return [...installed.filter(isDefault), ...system, ...installed.filter((q) => !isDefault(q))]
}

function installedBinary(name: string, arch: string, folder: string): QemuBinary | undefined {
  const qemu = findInstalled(name, folder)
  return qemu && binaryIn(qemu, arch)
}

function binaryIn(qemu: InstalledQemu, arch: string): QemuBinary | undefined {
  const path = programOf(qemu, arch)
  return path === undefined ? undefined : { path, starting: startOf(qemu) }
}

/** A path of an installed QEMU's own program: it starts as that QEMU does. */
function ofFolder(word: string, arch: string, folder: string): QemuBinary | undefined {
  return installedQemus(folder)
    .flatMap((qemu) => binaryIn(qemu, arch) ?? [])
    .find(({ path }) => path === word)
}

/** Has a digit, and nothing but what ranges of versions consist of: `7.2`, `>=10 <12`, `^10.0`, `8.x || 10.x`. */
const RANGE = /^(?=.*\d)[\d.xX*^~<>=|\s-]+$/

const isRange = (wish: QemuWish) =>
  typeof wish === 'string' &&
  RANGE.test(wish) &&
  findInstalled(wish) === undefined &&
  findAllQemu(wish).length === 0

/** `features=pvrdma,libpmem`: as a flag says it. */
function asFeatures(wish: QemuWish): readonly string[] | undefined {
  if (typeof wish !== 'string' || !wish.startsWith('features=')) return undefined
  return wish.slice('features='.length).split(',').filter(Boolean)
}

function wishOf(wish: Exclude<QemuWish, undefined>) {
  if (typeof wish === 'object') return { version: wish.version, features: wish.features ?? [] }
  const features = asFeatures(wish)
  return features ? { version: undefined, features } : { version: wish, features: [] }
}

/**
 * A pre-release such as 11.0.50 counts as the version that it says.
 *
 * @throws BringupError QEMU_NAME_UNKNOWN for a range that cannot be read
 */
async function versionCheck(range: string | undefined): Promise<(qemu: QemuCapabilities) => boolean> {
  if (range === undefined) return () => true
  const { default: valid } = await import('semver/ranges/valid.js')
  const { default: satisfies } = await import('semver/functions/satisfies.js')
  if (valid(range) === null)
    throw new BringupError([problems.QEMU_NAME_UNKNOWN.at('qemu', `"${range}" is not a range of versions`)])
  return ({ version }) => satisfies(version.join('.'), range)
}

function checkFeatures(features: readonly string[]): void {
  const unknown = features.filter((name) => !Object.hasOwn(FEATURES, name))
  if (unknown.length === 0) return
  const known = Object.keys(FEATURES).join(', ')
  throw new BringupError(
    unknown.map((name) =>
      problems.QEMU_FEATURE_UNKNOWN.at('qemu.features', `"${name}" is not a feature`, {
        remedy: `use ${known}`,
      }),
    ),
  )
}
