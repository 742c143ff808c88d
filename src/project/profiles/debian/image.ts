/** Makes the disk image of a recipe: packages into a folder, the folder into partitions. */
import {
  chmodSync,
  copyFileSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from 'node:fs'
import { dirname, join } from 'node:path'
import { MiB } from '../../../units.ts'
import { writeDisk } from '../../images/disk.ts'
import { writeExt4 } from '../../images/ext4.ts'
import { writeFat } from '../../images/fat.ts'
import { buildAgent } from '../linux/agent-build.ts'
import { placedGrub } from './grub.ts'
import { CUSTOMIZE, FILES_FOLDER, type Recipe } from './recipe.ts'
import { ARCHIVE_KEYRING, seenFromGuest } from './sources.ts'
import { requireTools, runOrThrow, toolRunner } from './tools.ts'

export interface ImageContext {
  /** Cache of the agents: that of the Linux profile. */
  readonly agentFolder: string
  readonly signal: AbortSignal
}

/** What an image consists of, as names in its folder. */
export const DISK = 'disk.img'
export const KERNEL = 'vmlinuz'
export const INITRD = 'initrd.img'

/** Labels of the file systems, by which `files/etc/fstab`, `files/boot/grub/early.cfg` and command lines know them. */
const ROOT_LABEL = 'bringup-root'
const ESP_LABEL = 'BRINGUP-ESP'

/**
 * What runs in the namespaces ends with them: mmdebstrap's mounts and children are gone whatever kills this process.
 * An ordinary user is root in a user namespace of his own, with the ids that /etc/subuid grants him.
 */
function namespaces(): readonly string[] {
  const isRoot = process.getuid?.() === 0
  const users = isRoot ? [] : ['--user', '--map-root-user', '--map-auto']
  return [
    'setpriv',
    '--pdeathsig',
    'KILL',
    'unshare',
    ...users,
    '--mount',
    '--pid',
    '--fork',
    '--kill-child=KILL',
    '--',
  ]
}

/**
 * Makes the image in an empty folder. What is only needed meanwhile is in `work` below it, and gone at the end.
 *
 * @throws BringupError DEBIAN_TOOL_MISSING, DEBIAN_BUILD_FAILED, IMAGE_TOO_SMALL, IMAGE_TOOL_FAILED, LINUX_AGENT_BUILD_FAILED
 */
export async function makeImage(folder: string, recipe: Recipe, context: ImageContext): Promise<void> {
  requireTools()
  const { signal } = context
  const work = join(folder, 'work')
  const root = join(work, 'root')
  mkdirSync(work, { recursive: true })
  const files = await packFiles(work, recipe, context)
  await installPackages(root, files, recipe, signal)
  const version = newestKernel(join(root, 'boot'))
  copyFileSync(join(root, 'boot', `vmlinuz-${version}`), join(folder, KERNEL))
  copyFileSync(join(root, 'boot', `initrd.img-${version}`), join(folder, INITRD))
  await writeImage(join(folder, DISK), root, recipe, signal)
  rmSync(work, { recursive: true, force: true })
}

/** The files of every image and those of this recipe, in a tar archive that belongs to root. */
async function packFiles(work: string, recipe: Recipe, context: ImageContext): Promise<string> {
  const folder = join(work, 'files')
  cpSync(FILES_FOLDER, folder, { recursive: true })
  const put = (path: string, content: string | Uint8Array, mode = 0o644) => {
    mkdirSync(dirname(join(folder, path)), { recursive: true })
    writeFileSync(join(folder, path), content, { mode })
  }
  put('usr/lib/bringup/agent', await buildAgent(context.agentFolder, context.signal), 0o755)
  const aptOptions = ['Acquire::Languages "none";', ...recipe.sources.options.map(seenFromGuest)]
  put('etc/apt/apt.conf.d/90bringup', `${aptOptions.join('\n')}\n`)
  // As the booted guest is to see them; they take the place of those that mmdebstrap used.
  put('usr/lib/bringup/debian.sources', seenFromGuest(recipe.sources.sources))
  for (const key of recipe.sources.keys) if (key !== ARCHIVE_KEYRING) put(key, readFileSync(key))
  put('etc/hosts', ['127.0.0.1 localhost', '127.0.1.1 debian', ...recipe.sources.hosts, ''].join('\n'))
  put('etc/resolv.conf', 'nameserver 10.0.2.3\n')
  for (const entry of readdirSync(folder, { recursive: true, withFileTypes: true }))
    if (entry.isDirectory()) chmodSync(join(entry.parentPath, entry.name), 0o755)
  chmodSync(folder, 0o755)
  const archive = join(work, 'files.tar')
  const owner = ['--owner=0', '--group=0', '--numeric-owner']
  const run = toolRunner(context.signal)
  await runOrThrow(run, ['tar', '--create', ...owner, '--file', archive, '--directory', folder, '.'])
  return archive
}

async function installPackages(
  root: string,
  files: string,
  { suite, packages, sources }: Recipe,
  signal: AbortSignal,
): Promise<void> {
  const sourcesFile = join(dirname(root), 'debian.sources')
  writeFileSync(sourcesFile, sources.sources)
  const options = [
    // The cache lies in a user's home, where apt's own user may not go.
    'APT::Sandbox::User "root";',
    'APT::Install-Recommends "false";',
    'Acquire::Languages "none";',
    ...sources.options,
  ]
  const withoutWeight = ['man', 'locale', 'info', 'doc'].map((name) => `path-exclude=/usr/share/${name}/*`)
  await runOrThrow(toolRunner(signal, namespaces()), [
    'mmdebstrap',
    ...['--mode=root', '--variant=minbase', `--include=${packages.join(',')}`],
    ...options.map((option) => `--aptopt=${option}`),
    ...withoutWeight.map((option) => `--dpkgopt=${option}`),
    '--dpkgopt=path-include=/usr/share/doc/*/copyright',
    // With them packages can be installed at once; to unpack the lists takes a guest without KVM half a minute.
    '--skip=cleanup/apt/lists',
    // Before the kernel: its RAM disk follows what these files say.
    `--essential-hook=tar-in ${quoted(files)} /`,
    `--customize-hook=${CUSTOMIZE}`,
    ...[suite, root, sourcesFile],
  ])
}

/** mmdebstrap takes its own hooks apart as a shell would (Text::ParseWords). */
function quoted(path: string): string {
  return `"${path.replace(/["\\]/g, '\\$&')}"`
}

function newestKernel(boot: string): string {
  const versions = readdirSync(boot).flatMap((name) => /^vmlinuz-(.+)$/.exec(name)?.[1] ?? [])
  return versions.toSorted((a, b) => a.localeCompare(b, 'en', { numeric: true })).at(-1) ?? ''
}

/** Partitions begin at whole MiB, one after the other. */
const BIOS_START = MiB
const BIOS_BYTES = MiB
const ESP_BYTES = 48 * MiB
const ROOT_START = BIOS_START + BIOS_BYTES + ESP_BYTES

async function writeImage(disk: string, root: string, recipe: Recipe, signal: AbortSignal): Promise<void> {
  const work = dirname(root)
  const esp = join(work, 'esp')
  mkdirSync(esp)
  renameSync(join(root, 'boot/efi/EFI'), join(esp, 'EFI'))
  const means = { folder: work, run: toolRunner(signal) }
  await writeFat(
    { kind: 'fat', folder: 'esp', label: ESP_LABEL, bytes: ESP_BYTES },
    join(work, 'esp.fat'),
    means,
  )
  const read = (name: string) => readFileSync(join(root, 'boot/grub/i386-pc', name))
  const grub = placedGrub({ boot: read('boot.img'), core: read('core.img') }, BIOS_START)
  writeFileSync(join(work, 'boot.img'), grub.boot)
  writeFileSync(join(work, 'core.img'), grub.core)
  const partitions = [
    { name: 'bios', type: 'bios-boot', from: 'core.img', bytes: BIOS_BYTES },
    { name: 'esp', type: 'esp', from: 'esp.fat', bytes: ESP_BYTES },
    { name: 'root', type: 'linux', bytes: recipe.rootBytes },
  ]
  await writeDisk({ kind: 'disk', table: 'gpt', bootCode: 'boot.img', partitions }, disk, work)
  const system = { start: ROOT_START, bytes: recipe.rootBytes, folder: root, label: ROOT_LABEL }
  await writeExt4(disk, system, toolRunner(signal, namespaces()))
}
