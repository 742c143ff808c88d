/** What a QEMU binary can do, asked of that binary by QMP and kept by its checksum and place. */
import { realpathSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { screenLines } from '../guest-text.ts'
import type { QemuBinary, QemuCapabilities, QemuStarting } from '../machine/facts.ts'
import { qemuCommand } from '../plan/plan.ts'
import { readOnce } from '../read-once.ts'
import { binaryOf } from './binary.ts'
import { contentOf, keep, nameOf, readKept } from './cache.ts'
import { exportedNames, featuresOf } from './features.ts'
import { findFirmware } from './firmware.ts'
import { startPatience } from './patience.ts'
import { startQemu } from './process.ts'
import { outputOf } from './program-output.ts'
import { type QmpClient, QmpError } from './qmp.ts'
import type { QmpSchemaInfo } from './qmp-types.ts'

export const problems = defineDiagnostics({
  QEMU_NOT_QEMU: {
    title: 'The binary is not a QEMU system emulator.',
    why: 'bringup reads its capabilities over QMP, and the program sent no QMP greeting',
    remedy:
      'name a QEMU system emulator, such as /usr/bin/qemu-system-x86_64, and see that it starts: its output is below',
  },
  QEMU_UNREADABLE: {
    title: 'The binary of a QEMU cannot be read.',
    why: 'it was removed or replaced, or its folder may not be entered',
    remedy:
      'name a QEMU that is there; `bringup qemu verify NAME` says what an installed one lacks, and `bringup qemu install … --replace` installs it again',
  },
  QEMU_WRONG_ARCH: {
    title: 'The QEMU binary emulates another architecture than the machine has.',
    why: 'one binary emulates one architecture',
    remedy: 'name the binary of that architecture, or omit --qemu',
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

/** The CPU model with all that the accelerator can do. */
const WIDEST = 'max'

/** Bumped when the shape of the answer changes. */
const SHAPE = 8

/** QEMU answers within 100 ms; a program that waits for so long is no QEMU. */
const DEADLINE_MS = 8000

/** What is cached: everything that depends on the binary only. */
type Answer = Omit<QemuCapabilities, 'path' | 'firmware' | 'dataFolders'> & {
  readonly dataFolders: readonly string[]
}

/**
 * What the binary can do. The first time costs one start of QEMU; afterwards the answer is kept by
 * checksum and place: QEMU looks for its data relative to itself.
 *
 * @throws BringupError QEMU_NOT_QEMU, QEMU_WRONG_ARCH; the signal's reason when aborted
 */
export async function readCapabilities(
  binary: string | QemuBinary,
  arch: string,
  cacheFolder: string,
  signal?: AbortSignal,
): Promise<QemuCapabilities> {
  const qemu = typeof binary === 'string' ? { path: binary } : binaryOf(binary)
  return readOnce(['capabilities', qemu, arch, cacheFolder], () =>
    capabilitiesOf(qemu, arch, cacheFolder, signal),
  )
}

async function capabilitiesOf(
  qemu: QemuBinary,
  arch: string,
  cacheFolder: string,
  signal: AbortSignal | undefined,
): Promise<QemuCapabilities> {
  const { path, starting } = qemu
  const sha256 = shaOf(qemu, cacheFolder)
  const folder = join(cacheFolder, 'qemu')
  const name = nameOf([sha256, realpathSync(path), SHAPE, ...(starting ? [starting] : [])])
  const known = readKept<Answer>(folder, name)
  const answer = isAnswer(known) ? known : { sha256, ...(await ask(qemu, signal)) }
  if (answer !== known) keep(folder, name, answer)
  if (answer.arch !== arch) {
    throw new BringupError([
      problems.QEMU_WRONG_ARCH.at('qemu', `${path} emulates ${answer.arch}, the machine is ${arch}`),
    ])
  }
  const { dataFolders, ...capabilities } = answer
  const own = starting && ownDataFolders(starting)
  const firmware = findFirmware(dataFolders, own ? { own } : {})
  return { ...capabilities, ...qemu, firmware, dataFolders: [...(own ?? []), ...dataFolders] }
}

function shaOf({ path, starting }: QemuBinary, cacheFolder: string): string {
  try {
    return contentOf(path, cacheFolder)
  } catch (error) {
    const { code = '' } = error as NodeJS.ErrnoException
    const whose = starting ? ` of the installed ${starting.installed}` : ''
    const what = code === 'ENOENT' ? 'is missing' : `cannot be read (${code})`
    throw new BringupError([problems.QEMU_UNREADABLE.at('qemu', `${path}${whose} ${what}`)])
  }
}

/** A cache file may have been written by anything. */
function isAnswer(value: Partial<Answer> | null | undefined): value is Answer {
  if (typeof value !== 'object' || value === null) return false
  const lists = [
    value.version,
    value.machines,
    value.cpuModels,
    value.accelerators,
    value.types,
    value.pciTypes,
    value.netdevs,
    value.cpuProperties,
    value.dataFolders,
    value.features,
  ]
  if (typeof value.hasLibpmem !== 'boolean') return false
  return lists.every(Array.isArray) && typeof value.arch === 'string' && typeof value.properties === 'object'
}

/** What its own arguments name with `-L`. */
const ownDataFolders = ({ args }: QemuStarting) => args.filter((_, index) => args[index - 1] === '-L')

async function ask(binary: QemuBinary, signal: AbortSignal | undefined): Promise<Omit<Answer, 'sha256'>> {
  signal?.throwIfAborted()
  const args = [['-machine', 'none'], ['-nodefaults'], ['-no-user-config'], ['-display', 'none']] as const
  const { path } = binary
  await using qemu = await startQemu({
    plan: { qemu: { ...binary, version: '' }, args, channels: [], locks: [] },
  })
  let late: string | undefined
  const patience = { group: qemu.pid, withinMs: DEADLINE_MS, mostMs: 6 * DEADLINE_MS }
  const deadline = startPatience(patience, () => {
    late = qemu.qmp.awaited
    qemu.kill()
  })
  const onAbort = () => qemu.kill()
  signal?.addEventListener('abort', onAbort, { once: true })
  try {
    await qemu.ready
    const folders = dataFoldersOf(binary, signal)
    folders.catch(() => {})
    const answer = await answers(qemu.qmp, path)
    return { ...answer, dataFolders: await folders }
  } catch (cause) {
    signal?.throwIfAborted()
    // Errors that keep any program from starting are reported unchanged.
    if (cause instanceof BringupError && cause.diagnostics.length > 0) throw cause
    qemu.kill()
    const { stderr } = await qemu.exited
    const evidence = screenLines(stderr).filter(Boolean).slice(0, 20)
    throw new BringupError(
      [problems.QEMU_NOT_QEMU.at('qemu', whatIsWrong(path, cause, late), { evidence })],
      {
        cause,
      },
    )
  } finally {
    deadline.clear()
    signal?.removeEventListener('abort', onAbort)
  }
}

function whatIsWrong(path: string, cause: unknown, late: string | undefined): string {
  if (late !== undefined && late !== 'greeting')
    return `${path} did not answer "${late}" within ${DEADLINE_MS / 1000} s`
  if (cause instanceof QmpError) return `${path} refused "${cause.command}": ${cause.desc}`
  // It spoke QMP, and its answer has another shape than QEMU's.
  if (cause instanceof TypeError) return `${path} answered as no QEMU does`
  return `${path} gave no QMP greeting${late === undefined ? '' : ` within ${DEADLINE_MS / 1000} s`}`
}

/** A path a line; none when it does not know the option. */
async function dataFoldersOf(
  binary: QemuBinary,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const text = await outputOf(qemuCommand(binary, ['-L', 'help']), { withinMs: DEADLINE_MS, signal })
  return text.split('\n').filter((line) => line.startsWith('/'))
}

async function answers(qmp: QmpClient, path: string): Promise<Omit<Answer, 'sha256' | 'dataFolders'>> {
  const [version, target, machines, types, cpuModels, pci, cpuProperties, widest, schema, options] =
    await Promise.all([
      qmp.execute('query-version'),
      qmp.execute('query-target'),
      qmp.execute('query-machines'),
      qmp.execute('qom-list-types', {}),
      qmp.execute('query-cpu-definitions').catch(() => []),
      qmp.execute('qom-list-types', { implements: 'pci-device', abstract: false }).catch(() => []),
      qmp.execute('device-list-properties', { typename: `${WIDEST}-x86_64-cpu` }).catch(() => []),
      // Without an accelerator named, this QEMU runs on TCG.
      qmp
        .execute('query-cpu-model-expansion', { type: 'full', model: { name: WIDEST } })
        .catch(() => undefined),
      qmp.execute('query-qmp-schema').catch(() => []),
      qmp.execute('query-command-line-options', {}).catch(() => []),
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
  const known = {
    types: names,
    accelerators: names.filter((n) => n.endsWith('-accel')).map((n) => n.slice(0, -'-accel'.length)),
    netdevs: netdevsOf(schema),
    hasTcgX2apic: widest?.model?.props?.x2apic === true,
    hasLibpmem: await takesPmem(qmp),
    properties: Object.fromEntries([
      ...(await properties('device-list-properties', DEVICES)),
      ...(await properties('qom-list-properties', OBJECTS)),
    ]),
  }
  const exported = await exportedNames(path)
  return {
    ...known,
    features: featuresOf({ ...known, schema, options: options.map((o) => o.option), exported }),
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
    pciTypes: pci.map((t) => t.name),
    cpuProperties: cpuProperties.map((p) => p.name),
  }
}

/** What `netdev_add` takes for its `type`. Types of the schema have no names, only numbers (qapi/introspect.json). */
export function netdevsOf(schema: readonly QmpSchemaInfo[]): readonly string[] {
  const find = (name: string | undefined) => schema.find((entry) => entry.name === name)
  const argument = find(find('netdev_add')?.['arg-type'])
  return argument?.variants?.map((variant) => variant.case) ?? []
}

/**
 * A QEMU without libpmem has the property too, and refuses the value ("Lack of libpmem support"): so it is tried,
 * with a path that cannot be opened, so that nothing is mapped: with libpmem the error is about the file.
 */
async function takesPmem(qmp: QmpClient): Promise<boolean> {
  const backend = { 'qom-type': 'memory-backend-file', id: 'trial', size: 4096, share: true, pmem: true }
  try {
    await qmp.execute('object-add', { ...backend, 'mem-path': '/dev/null/no-such-folder/pmem' })
    return true
  } catch (error) {
    return /can't open backing store/.test((error as Error).message)
  }
}
