/**
 * Firmware for a QEMU whose source brings none along: distributions take it out of their source packages, and have it in
 * packages beside QEMU. Firmware of another version makes QEMU hang, so it comes from the suite of the source.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { readDistribution } from '../../host/distribution.ts'
import { makeFolder } from '../../own-files.ts'
import { openAptCopy, type Package } from '../packages/apt-copy.ts'
import { readArchive, sourcesFor } from '../packages/archive.ts'
import { runTool, type ToolContext } from '../run-tool.ts'
import type { Staging } from '../staging.ts'

const PACKAGES = ['qemu-system-data', 'seabios', 'ipxe-qemu'] as const

/** Folders of those packages, and of the system. */
const FOLDERS = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu'] as const

/** Without it no PC starts. */
const PROOF = 'share/qemu/bios-256k.bin'

/** Folder in the installed QEMU. */
const HOME = 'firmware'

/**
 * Makes sure that the staged QEMU finds firmware.
 *
 * @param suite Where the source package came from; without it the firmware of the system is used where it lies
 * @returns arguments of QEMU
 * @throws BringupError why apt could not fetch it
 */
export async function bringFirmware(
  { folder, work, environment }: Staging,
  suite: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own = ['-L', '{folder}/share/qemu']
  if (existsSync(join(folder, PROOF))) return own
  const { id, codename = '' } = readDistribution()
  const archive = suite === undefined ? undefined : readArchive(id, codename)
  if (suite === undefined || archive === undefined) return [...own, ...FOLDERS.flatMap(ofSystem)]
  const context: ToolContext = { environment, signal }
  const apt = await openAptCopy({
    sources: sourcesFor(archive, suite),
    suite,
    folder: join(work, 'apt-firmware'),
    context,
  })
  await apt.update()
  const found: Package[] = []
  for (const name of PACKAGES) {
    const version = await apt.candidate(name)
    if (version !== undefined) found.push({ name, version })
  }
  const archives = join(work, 'firmware')
  await apt.fetch(found, archives)
  makeFolder(join(folder, HOME), 0o755)
  for (const file of readdirSync(archives).filter((name) => name.endsWith('.deb'))) {
    const argv = ['dpkg-deb', '--extract', join(archives, file), join(folder, HOME)]
    const { status, lines } = await runTool(argv, context)
    if (status !== 0) throw new Error(`dpkg-deb --extract ${file} ended with ${status}: ${lines.at(-1)}`)
  }
  const brought = FOLDERS.filter((path) => existsSync(join(folder, HOME, path)))
  return [...own, ...brought.flatMap((path) => ['-L', `{folder}/${HOME}/${path}`])]
}

const ofSystem = (path: string) => (existsSync(`/${path}`) ? ['-L', `/${path}`] : [])
