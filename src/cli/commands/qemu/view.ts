/** What the commands of `bringup qemu` show of a QEMU. */
import { BringupError } from '../../../diagnostics.ts'
import type { QemuBinary } from '../../../machine/facts.ts'
import { ARCH } from '../../../machine/machine-rules.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { readCapabilities } from '../../../qemu/capabilities.ts'
import { candidates, namedQemu } from '../../../qemus/choose.ts'
import { findInstalled, installedQemus, programOf } from '../../../qemus/installed.ts'
import type { InstalledQemu, QemuRecord } from '../../../qemus/record.ts'

export interface QemuView {
  /** The name under which it is installed; the path of one of the system. */
  readonly name: string
  readonly path: string
  readonly isDefault: boolean
  /** Undefined where it does not start; `problem` says why. */
  readonly version?: string
  readonly problem?: string
  readonly packageName?: string
  /** `system`, `Debian bookworm-backports`, `source`. */
  readonly from: string
  readonly features?: readonly string[]
  /** Of an installation without an emulator. */
  readonly tools?: readonly string[]
  readonly starting?: QemuBinary['starting']
}

/** Every QEMU of the system and every installed one, the default first. */
export async function knownQemus(signal: AbortSignal): Promise<readonly QemuView[]> {
  const all = candidates(ARCH)
  const chosen = defaultBinary()
  const views = await Promise.all(all.map((binary) => viewQemu(binary, signal, binary.path === chosen?.path)))
  const tools = installedQemus().filter((qemu) => programOf(qemu, ARCH) === undefined)
  return [...[...views].sort((a, b) => Number(b.isDefault) - Number(a.isDefault)), ...tools.map(viewTools)]
}

const viewTools = ({ name, folder, record: { version, from, tools } }: InstalledQemu): QemuView => ({
  ...{ name, path: folder, isDefault: false, version, from: originText(from) },
  tools: Object.keys(tools),
})

/** One that does not start is shown all the same. */
async function viewQemu(binary: QemuBinary, signal: AbortSignal, isDefault: boolean): Promise<QemuView> {
  const { path, starting } = binary
  const installed = starting && findInstalled(starting.installed)
  const known = {
    name: starting?.installed ?? path,
    path,
    isDefault,
    from: installed ? originText(installed.record.from) : 'system',
    ...(starting ? { starting } : {}),
  }
  try {
    const { version, packageName, features } = await readCapabilities(binary, ARCH, cacheFolder(), signal)
    return { ...known, version: version.join('.'), packageName, features }
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return { ...known, problem: error.diagnostics[0]?.what ?? error.code }
  }
}

export function originText(from: QemuRecord['from']): string {
  return from.kind === 'packages' ? `packages of ${from.distribution} ${from.suite}` : from.source
}

function defaultBinary(): QemuBinary | undefined {
  try {
    return namedQemu(ARCH, process.env.BRINGUP_QEMU)
  } catch (error) {
    if (error instanceof BringupError) return undefined
    throw error
  }
}
