/** What a QEMU binary can do, asked of that binary by QMP and kept by its checksum. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import type { QemuCapabilities } from '../machine/facts.ts'
import { contentOf, keep, nameOf, readKept } from './cache.ts'
import { startQemu } from './process.ts'
import type { QmpClient } from './qmp.ts'

export const problems = defineDiagnostics({
  QEMU_NOT_QEMU: {
    title: 'The binary does not answer as QEMU does.',
    why: 'what it can do is asked by QMP; this program gave no QMP greeting',
    remedy:
      'name a QEMU system emulator, such as /usr/bin/qemu-system-x86_64, and see that it starts: its own words are below',
  },
  QEMU_WRONG_ARCH: {
    title: 'The QEMU binary emulates another architecture than the machine has.',
    why: 'one binary emulates one architecture',
    remedy: 'name the binary of that architecture, or leave --qemu away',
  },
})

/** Types whose properties differ between QEMU versions or builds, and that devices ask about. */
const DEVICES = [
  'nvdimm',
  'virtio-blk-pci',
  'nvme',
  'virtio-net-pci',
  'vmxnet3',
  'e1000',
  'e1000e',
  'isa-debug-exit',
  'i6300esb',
  'virtio-serial-pci',
  'pvrdma',
  'cxl-type3',
  'virtio-pmem-pci',
  'ivshmem-plain',
  'ivshmem-doorbell',
]
const OBJECTS = ['memory-backend-file', 'memory-backend-memfd', 'memory-backend-ram']

/** Where distributions put firmware: Debian and Ubuntu, Fedora, Arch, and QEMU's own build. */
const FIRMWARE_FOLDERS = [
  '/usr/share/qemu',
  '/usr/share/OVMF',
  '/usr/share/ovmf',
  '/usr/share/edk2/ovmf',
  '/usr/share/edk2/x64',
  '/usr/local/share/qemu',
]
const FIRMWARE_FILES = [
  'qboot.rom',
  'bios-256k.bin',
  'OVMF_CODE_4M.fd',
  'OVMF_VARS_4M.fd',
  'OVMF_CODE.fd',
  'OVMF_VARS.fd',
  'OVMF_CODE.4m.fd',
  'OVMF_VARS.4m.fd',
  'edk2-x86_64-code.fd',
  'edk2-i386-vars.fd',
]

/** Bumped when the shape of the answer changes. */
const SHAPE = 1

/**
 * What the binary can do. The first time costs one start of QEMU; afterwards the answer is kept by checksum.
 *
 * @throws BringupError QEMU_NOT_QEMU, QEMU_WRONG_ARCH
 */
export async function readCapabilities(
  path: string,
  arch: string,
  cacheFolder: string,
): Promise<QemuCapabilities> {
  const sha256 = contentOf(path, cacheFolder)
  const folder = join(cacheFolder, 'qemu')
  const name = nameOf([sha256, SHAPE])
  const known = readKept<QemuCapabilities>(folder, name)
  const answer = known ?? (await ask(path, sha256))
  if (!known) keep(folder, name, answer)
  if (answer.arch !== arch) {
    throw new BringupError([
      problems.QEMU_WRONG_ARCH.at('qemu', `${path} emulates ${answer.arch}, the machine is ${arch}`),
    ])
  }
  return { ...answer, path, firmware: findFirmware() }
}

async function ask(path: string, sha256: string): Promise<QemuCapabilities> {
  const args = [['-machine', 'none'], ['-nodefaults'], ['-display', 'none']] as const
  const qemu = await startQemu({ plan: { qemu: { path, version: '' }, args, channels: [], locks: [] } })
  try {
    await qemu.ready
    return { path, sha256, firmware: {}, ...(await answers(qemu.qmp)) }
  } catch (cause) {
    qemu.kill()
    const { stderr } = await qemu.exited
    const words = stderr.split('\n').filter(Boolean).slice(0, 20)
    throw new BringupError(
      [problems.QEMU_NOT_QEMU.at('qemu', `${path} gave no QMP greeting`, { evidence: words })],
      { cause },
    )
  } finally {
    qemu.quit(2000)
    await qemu.exited
  }
}

async function answers(qmp: QmpClient): Promise<Omit<QemuCapabilities, 'path' | 'sha256' | 'firmware'>> {
  const [version, target, machines, types, cpuModels] = await Promise.all([
    qmp.execute('query-version'),
    qmp.execute('query-target'),
    qmp.execute('query-machines'),
    qmp.execute('qom-list-types', {}),
    qmp.execute('query-cpu-definitions').catch(() => []),
  ])
  const names = types.map((t) => t.name)
  const properties = async (
    command: 'device-list-properties' | 'qom-list-properties',
    wanted: readonly string[],
  ) =>
    Promise.all(
      wanted
        .filter((t) => names.includes(t))
        .map(
          async (typename) =>
            [typename, (await qmp.execute(command, { typename })).map((p) => p.name)] as const,
        ),
    )
  const { major, minor, micro } = version.qemu
  return {
    version: [major, minor, micro],
    packageName: version.package,
    arch: target.arch,
    machines: machines.map((m) => ({
      name: m.name,
      ...(m.alias === undefined ? {} : { alias: m.alias }),
      maxCpus: m['cpu-max'],
      isDeprecated: m.deprecated === true,
    })),
    cpuModels: cpuModels.map((c) => c.name),
    accelerators: names.filter((n) => n.endsWith('-accel')).map((n) => n.slice(0, -'-accel'.length)),
    types: names,
    properties: Object.fromEntries([
      ...(await properties('device-list-properties', DEVICES)),
      ...(await properties('qom-list-properties', OBJECTS)),
    ]),
  }
}

function findFirmware(): Readonly<Record<string, string>> {
  const found: Record<string, string> = {}
  for (const folder of FIRMWARE_FOLDERS) {
    for (const file of FIRMWARE_FILES) {
      const path = join(folder, file)
      if (found[file] === undefined && existsSync(path)) found[file] = path
    }
  }
  return found
}
