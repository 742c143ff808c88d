/** Programs of the guest: this computer's own where it has them, else from packages in the cache. */

import { existsSync, readFileSync, realpathSync, statSync } from 'node:fs'
import { basename, delimiter, join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { isProgram } from '../../../host/is-program.ts'
import type { Entry } from '../../images/cpio.ts'
import { locate, type NeededFile, withLibraries } from './libraries.ts'
import { missingPackages, type PackageContext, unpackedPackages } from './packages.ts'
import { RDMA_PACKAGE_OF } from './rdma-programs.ts'
import { PROVIDERS_PACKAGE, rdmaProviders } from './rdma-providers.ts'
import { interpretersOf } from './shebang.ts'

export const problems = defineDiagnostics({
  LINUX_PROGRAM_MISSING: {
    title: 'A program for the guest was found neither on this computer nor in a package.',
    why: 'the guest has only busybox and the named programs',
    remedy: 'install it on this computer, or check its name; the package must have the name of the program',
  },
  LINUX_LIBRARY_MISSING: {
    title: 'A library that a program for the guest needs was not found.',
    why: 'the program would not start in the guest',
    remedy:
      'install the library on this computer, or run ldconfig after adding its folder to /etc/ld.so.conf.d',
  },
})

/** Packages of programs that are not named like their package. */
const PACKAGE_OF: Readonly<Record<string, string>> = {
  cxl: 'ndctl',
  lspci: 'pciutils',
  setpci: 'pciutils',
  'mkfs.ext4': 'e2fsprogs',
  'mkfs.xfs': 'xfsprogs',
  dmidecode: 'dmidecode',
  iasl: 'acpica-tools',
  acpidump: 'acpica-tools',
  ip: 'iproute2',
  ...RDMA_PACKAGE_OF,
  dhclient: 'isc-dhcp-client',
  dhcpd: 'isc-dhcp-server',
  dnsmasq: 'dnsmasq-base',
  dot: 'graphviz',
  nc: 'netcat-openbsd',
  'redis-benchmark': 'redis-tools',
  'redis-cli': 'redis-tools',
}

const IS_PACKAGE = /^[\w.+-]+$/

const FOLDERS = ['/usr/bin', '/usr/sbin', '/bin', '/sbin']

/** The program of this computer's, by name or by path. */
export function findOnHost(name: string): string | undefined {
  if (name.includes('/')) return isProgram(name) ? name : undefined
  const folders = [...(process.env.PATH ?? '').split(delimiter).filter((f) => f.startsWith('/')), ...FOLDERS]
  return folders.map((folder) => join(folder, name)).find(isProgram)
}

/** What changes when the program of this computer's does. */
export function programStamp(name: string): string {
  const path = findOnHost(name)
  if (path === undefined) return `${name} -`
  const { size, mtimeMs } = statSync(path)
  return `${name} ${realpathSync(path)} ${size} ${mtimeMs}`
}

export interface ProgramOptions {
  readonly applets?: ReadonlySet<string>
  readonly rdma?: readonly string[]
}

/**
 * The programs with all their libraries and interpreters, as files of an initramfs.
 *
 * @param applets Names that busybox has: interpreters of that name need nothing else.
 * @param rdma RDMA devices of the guest, by the names of their providers.
 */
export async function programEntries(
  names: readonly string[],
  context: PackageContext,
  { applets = new Set(), rdma = [] }: ProgramOptions = {},
): Promise<readonly Entry[]> {
  const found: Entry[] = []
  const wrong: Diagnostic[] = []
  const together = await unpackTogether(names, rdma, context)
  const providersOf = rdmaProviders(rdma, context)
  const wanted = names.map((name): { name: string; of?: string } => ({ name }))
  for (const { name, of } of wanted) {
    const roots: string[] = [...together]
    const program = onHost(name) ?? programIn(name, roots) ?? (await fromPackage(name, roots, context))
    if (!program) {
      const what = of === undefined ? `program "${name}"` : `"${name}", the interpreter of "${of}",`
      wrong.push(problems.LINUX_PROGRAM_MISSING.at('', `there is no ${what} for the guest`))
      continue
    }
    const isKnown = (one: string) => applets.has(basename(one)) || wanted.some((w) => w.name === one)
    const interpreters = interpretersOf(program.from).filter((one) => !isKnown(one))
    wanted.push(...interpreters.map((one) => ({ name: one, of: name })))
    const { files, missing } = withLibraries(program, { roots: [...roots, '/'] })
    const providers = await providersOf(files, [...roots, '/'])
    found.push(...providers.entries)
    for (const library of [...missing, ...providers.missing])
      wrong.push(problems.LINUX_LIBRARY_MISSING.at('', `"${name}" needs ${library}`))
    found.push(
      ...files.map(
        ({ from, to }): Entry => ({ kind: 'file', path: to, mode: 0o755, content: readFileSync(from) }),
      ),
    )
  }
  if (wrong.length > 0) throw new BringupError(wrong)
  return found
}

/** Programs in folders that the guest does not search go to /usr/bin. */
function onHost(name: string): NeededFile | undefined {
  const from = findOnHost(name)
  if (from === undefined) return undefined
  const isUsual = name.includes('/') || FOLDERS.some((folder) => from.startsWith(`${folder}/`))
  return { from, to: isUsual ? from : `/usr/bin/${name}` }
}

/** The packages that a program has to be taken from; none where this computer has it. */
export async function packagesOfProgram(name: string, context: PackageContext): Promise<readonly string[]> {
  return onHost(name) ? [] : ((await namedPackages(name, context)) ?? [])
}

async function namedPackages(name: string, context: PackageContext): Promise<readonly string[] | undefined> {
  return IS_PACKAGE.test(name) ? missingPackages(PACKAGE_OF[name] ?? name, context) : undefined
}

async function fromPackage(
  name: string,
  roots: string[],
  context: PackageContext,
): Promise<NeededFile | undefined> {
  const packages = await namedPackages(name, context)
  if (!packages) return undefined
  roots.push(...(await unpackedPackages(packages, context)))
  return programIn(name, roots)
}

const programIn = (name: string, roots: readonly string[]) =>
  FOLDERS.map((folder) => locate(join(folder, name), { roots })).find((file) => file !== undefined)

/**
 * The packages of several programs at once: apt takes a second each time that it is called. Where it does not know all
 * of them, each program is looked up by itself, so that the one without a package is named.
 */
async function unpackTogether(
  names: readonly string[],
  rdma: readonly string[],
  context: PackageContext,
): Promise<readonly string[]> {
  const wanted = names.filter((name) => !onHost(name) && IS_PACKAGE.test(name))
  const packages = [...new Set(wanted.map((name) => PACKAGE_OF[name] ?? name))]
  const all = rdma.length > 0 && packages.length > 0 ? [...packages, PROVIDERS_PACKAGE] : packages
  if (all.length < 2) return []
  const missing = await missingPackages(all, context)
  return missing ? unpackedPackages(missing, context) : []
}

/** Busybox: a static one from its package, else this computer's with its libraries; links for all that it can do. */
export async function busyboxEntries(context: PackageContext): Promise<readonly Entry[]> {
  const { path, libraries } = await findBusybox(context)
  const { execa } = await import('execa')
  const { stdout } = await execa(path, ['--list-full'], { cancelSignal: context.signal })
  const links = stdout
    .split('\n')
    .filter((applet) => applet !== '' && !/(^|\/)(busybox|init|linuxrc)$/.test(applet))
  return [
    ...links.map((applet): Entry => ({ kind: 'link', path: applet, target: '/bin/busybox' })),
    ...libraries.map(
      ({ from, to }): Entry => ({ kind: 'file', path: to, mode: 0o755, content: readFileSync(from) }),
    ),
    { kind: 'file', path: 'bin/busybox', mode: 0o755, content: readFileSync(path) },
  ]
}

async function findBusybox(
  context: PackageContext,
): Promise<{ readonly path: string; readonly libraries: readonly NeededFile[] }> {
  try {
    const [folder = ''] = await unpackedPackages(['busybox-static'], context)
    const path = ['bin/busybox', 'usr/bin/busybox']
      .map((file) => join(folder, file))
      .find((file) => existsSync(file))
    if (path !== undefined) return { path, libraries: [] }
  } catch (error) {
    if (!(error instanceof BringupError) || findOnHost('busybox') === undefined) throw error
  }
  const path = findOnHost('busybox')
  if (path === undefined)
    throw new BringupError([problems.LINUX_PROGRAM_MISSING.at('', 'there is no busybox for the guest')])
  const { files } = withLibraries({ from: path, to: '/bin/busybox' }, { roots: ['/'] })
  return { path, libraries: files.filter((f) => f.to !== '/bin/busybox') }
}
