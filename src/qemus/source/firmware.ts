/**
 * Firmware for a QEMU whose source brings none along: distributions take it out of their source packages, and have it in
 * packages beside QEMU. Firmware of another version makes QEMU hang, so it comes from the suite of the source.
 */
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { readDistribution } from '../../host/distribution.ts'
import { makeFolder } from '../../own-files.ts'
import { openAptCopy, type Package } from '../packages/apt-copy.ts'
import { readArchive, sourcesFor } from '../packages/archive.ts'
import { unpackPackage } from '../packages/unpack-package.ts'
import type { ToolContext } from '../run-tool.ts'
import type { Staging } from '../staging.ts'

export const problems = defineDiagnostics({
  QEMU_FIRMWARE_MISSING: {
    title: 'A QEMU built from source would have no firmware.',
    why: 'no PC starts without its firmware, and neither the source nor its packages have it',
    remedy:
      'install the firmware (Debian: apt install seabios), or build a release, which has it: --from source',
  },
})

const PACKAGES = ['qemu-system-data', 'seabios', 'ipxe-qemu'] as const

/** Folders of those packages, and of the system. */
const FOLDERS = ['usr/share/qemu', 'usr/share/seabios', 'usr/lib/ipxe/qemu'] as const

/** Without it no PC starts. */
const PROOF = 'bios-256k.bin'

/** Folder in the installed QEMU. */
const HOME = 'firmware'

/**
 * Makes sure that the staged QEMU finds firmware.
 *
 * @param suite Where the source package came from; without it the firmware of the system is used where it lies
 * @returns arguments of QEMU
 * @param isPc Whether one of its emulators is of a PC, which does not start without its firmware
 * @throws BringupError QEMU_FIRMWARE_MISSING, and why apt could not fetch it
 */
export async function bringFirmware(
  staging: Pick<Staging, 'folder' | 'work' | 'environment'>,
  { suite, isPc, signal }: { readonly suite?: string; readonly isPc: boolean; readonly signal: AbortSignal },
): Promise<readonly string[]> {
  const args = await firmwareOf(staging, suite, signal)
  return isPc ? requireProof(args, staging.folder) : args
}

async function firmwareOf(
  { folder, work, environment }: Pick<Staging, 'folder' | 'work' | 'environment'>,
  suite: string | undefined,
  signal: AbortSignal,
): Promise<readonly string[]> {
  const own = ['-L', '{folder}/share/qemu']
  if (existsSync(join(folder, 'share/qemu', PROOF))) return own
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
    await unpackPackage(join(archives, file), { folder: join(folder, HOME), suite }, context)
  }
  const brought = FOLDERS.filter((path) => existsSync(join(folder, HOME, path)))
  return [...own, ...brought.flatMap((path) => ['-L', `{folder}/${HOME}/${path}`])]
}

const ofSystem = (path: string) => (existsSync(`/${path}`) ? ['-L', `/${path}`] : [])

/** @throws BringupError QEMU_FIRMWARE_MISSING where none of the folders has the firmware of a PC */
function requireProof(args: readonly string[], folder: string): readonly string[] {
  const places = args.filter((word) => word !== '-L').map((word) => word.replace('{folder}', folder))
  if (places.some((place) => existsSync(join(place, PROOF)))) return args
  throw new BringupError([problems.QEMU_FIRMWARE_MISSING.at('', `${PROOF} is missing`, { evidence: places })])
}
