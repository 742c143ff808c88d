/** Facts for the plan of one machine: files, ports, QEMU's own answers, proven accelerators. */
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { freshLocks, type LockReading } from '../host/file-locks.ts'
import { readPorts } from '../host/ports.ts'
import { MULTIPLEXER, readRdmaFacts } from '../host/rdma.ts'
import type { Home } from '../machine/device.ts'
import type { AcceleratorFact, Facts, QemuCapabilities } from '../machine/facts.ts'
import { asWritten, type Layer } from '../machine/layers.ts'
import { checkMachine, type MachineConfig } from '../machine/machine.ts'
import { ARCH } from '../machine/machine-rules.ts'
import { gatherFacts } from '../plan/gather.ts'
import { pathsOf, portsOf, usesRdma } from '../plan/place.ts'
import { proveAccelerators } from '../qemu/accelerators.ts'
import { readCapabilities } from '../qemu/capabilities.ts'
import { readCpuModel } from '../qemu/cpu-model.ts'
import { candidates, chooseQemu } from '../qemus/choose.ts'
import { findTool } from '../qemus/installed.ts'
import { readOnce } from '../read-once.ts'
import { withMapSync } from '../stores/map-sync.ts'
import { buildProbe, findProbe } from './probe-build.ts'

/** What gathering facts works with. */
export interface FactMeans {
  readonly home: Home
  readonly cache: string
  readonly locks: LockReading | undefined
  readonly networks: readonly string[]
  readonly hostNetworks: readonly string[]
  readonly signal: AbortSignal
  readonly progress: (what: string) => void
}

/** Stands for an accelerator that was not tried yet: rules for emulated CPUs only have nothing to say then. */
export const UNTRIED: AcceleratorFact = {
  name: 'kvm',
  works: true,
  reason: 'not tried, since the description is wrong',
  tookMs: 0,
}

/**
 * What the rules need to know of this computer, its files and QEMU for one machine.
 *
 * @param refine Leaves out what is not known yet.
 * @throws BringupError when there is no QEMU to speak of, with all that is wrong with the description besides
 */
export async function factsFor(
  machine: MachineConfig,
  means: FactMeans,
  layers: readonly Layer[],
  refine: (facts: Facts) => Facts = (facts) => facts,
): Promise<Facts> {
  const { home, locks } = means
  const paths = pathsOf(home.machine, machine)
  const known = locks && (await freshLocks(locks))
  const ports = portsOf(machine)
  const hostPorts = await readOnce(['ports', ports], () => readPorts(ports))
  const rdma = usesRdma(machine)
    ? { rdma: readOnce(['rdma'], () => readRdmaFacts(findTool(MULTIPLEXER))) }
    : {}
  const ofHost = {
    ...gatherFacts(paths, { accelerators: [], hostPorts }, home.stateFolder, known),
    ...rdma,
    networks: means.networks,
    hostNetworks: means.hostNetworks,
  }
  const gather = (facts: Pick<Facts, 'qemu' | 'qemuBecause' | 'accelerators' | 'cpu'>) =>
    refine({ ...ofHost, ...facts })
  const wrongWith = (facts: Facts) =>
    checkMachine(machine, facts, home.machine).filter((d) => d.severity === 'error')
  const chosen = await chosenQemu(machine, means).catch((cause: unknown) => {
    if (!(cause instanceof BringupError)) throw cause
    const found = [...cause.diagnostics, ...wrongWith(gather({ accelerators: [UNTRIED] }))]
    throw new BringupError(
      found.map((d) => asWritten(d, layers)),
      { cause },
    )
  })
  const facts = await provenFacts(machine, chosen, { means, gather, wrongWith })
  if (machine.qemu !== undefined || process.env.BRINGUP_QEMU !== undefined) return facts
  const lacks = (found: Facts) => wrongWith(found).find((d) => OF_QEMU.has(d.code))
  const reason = lacks(facts)
  if (reason === undefined) return facts
  const isAble = (qemu: QemuCapabilities) => !lacks(gather({ qemu, accelerators: [UNTRIED] }))
  const other = await anotherQemu(machine.arch, means, { than: chosen, isAble })
  return other ? provenFacts(machine, other, { means, gather, wrongWith, qemuBecause: reason.what }) : facts
}

interface Gathering {
  readonly means: FactMeans
  readonly gather: (facts: Pick<Facts, 'qemu' | 'qemuBecause' | 'accelerators' | 'cpu'>) => Facts
  readonly wrongWith: (facts: Facts) => readonly Diagnostic[]
  readonly qemuBecause?: string
}

/** The facts with one QEMU: what it says of the CPU model, and accelerators that a trial guest ran on. */
async function provenFacts(
  machine: MachineConfig,
  qemu: QemuCapabilities,
  { means, gather, wrongWith, qemuBecause }: Gathering,
): Promise<Facts> {
  const { cache, signal } = means
  const { model, features } = machine.cpu
  const start = [qemu.path, qemu.starting ?? null]
  const asked = await readOnce(['cpu model', ...start, model, features], () =>
    readCpuModel({ qemu, model, features, cacheFolder: cache, signal }),
  )
  const known = {
    qemu,
    ...(asked ? { cpu: asked } : {}),
    ...(qemuBecause === undefined ? {} : { qemuBecause }),
  }
  // A trial guest takes seconds where none was run before: what is wrong without it is said at once.
  if (!readOnce(['is probe built'], () => findProbe(cache).isBuilt)) {
    const untried = gather({ ...known, accelerators: [UNTRIED] })
    if (wrongWith(untried).length > 0) return untried
  }
  const accelerators = await readOnce(['accelerators', machine.accel, model, ...start], () =>
    acceleratorsFor(machine, qemu, means),
  )
  const facts = gather({ ...known, accelerators })
  const mayBeDax = [...facts.files.values()].some((file) => file.mayBeDax)
  return mayBeDax ? withMapSync(facts, { cacheFolder: cache, signal }) : facts
}

/** Problems of a machine that another QEMU may not have. */
const OF_QEMU: ReadonlySet<string> = new Set([
  'QEMU_LACKS_TYPE',
  'QEMU_LACKS_PROPERTY',
  'QEMU_TOO_OLD',
  'MACHINE_TYPE_UNKNOWN',
  'CXL_VOLATILE_UNSUPPORTED',
  'NVDIMM_PMEM_UNSUPPORTED',
  'NIC_BACKEND_MISSING',
  'CPU_NEEDS_X2APIC',
])

/**
 * The QEMU that the machine names, else the default. No binary is looked for where the architecture has none that bringup
 * could use: the rule says so.
 */
async function chosenQemu(
  { arch, qemu: wish }: MachineConfig,
  { cache, signal }: Pick<FactMeans, 'cache' | 'signal'>,
): Promise<QemuCapabilities> {
  if (arch !== ARCH) throw new BringupError([])
  return readOnce(['qemu', arch, wish ?? null], () => chooseQemu({ arch, wish, cacheFolder: cache, signal }))
}

/** The first QEMU that has what the machine needs, where the default lacks some of it. */
async function anotherQemu(
  arch: string,
  { cache, signal }: Pick<FactMeans, 'cache' | 'signal'>,
  { than, isAble }: { readonly than: QemuCapabilities; readonly isAble: (qemu: QemuCapabilities) => boolean },
): Promise<QemuCapabilities | undefined> {
  for (const binary of readOnce(['qemus', arch], () => candidates(arch))) {
    if (binary.path === than.path) continue
    const other = await readCapabilities(binary, arch, cache, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      if (!(error instanceof BringupError)) throw error
    })
    if (other && isAble(other)) return other
  }
  return undefined
}

/** Proves what may be used, with the probe kernel as the throw-away guest. */
async function acceleratorsFor(
  machine: MachineConfig,
  qemu: QemuCapabilities,
  { cache, signal, progress }: FactMeans,
): Promise<readonly AcceleratorFact[]> {
  const names = machine.accel === 'auto' ? (['kvm', 'tcg'] as const) : [machine.accel]
  const kernel = await buildProbe({ cacheFolder: cache, signal, progress }).catch((error: unknown) => {
    if (error instanceof BringupError) return error
    throw error
  })
  const trial =
    kernel instanceof BringupError
      ? { probeKernel: undefined, kernelProblem: kernel.diagnostics[0]?.what }
      : { probeKernel: kernel.pvh }
  const { model } = machine.cpu
  // A model that this QEMU does not know has a finding of its own: no accelerator is to blame for it.
  const isKnown = model === 'host' || qemu.cpuModels.includes(model)
  const prove = (name: AcceleratorFact['name']) => {
    const cpuModel = isKnown && !(model === 'host' && name === 'tcg') ? model : 'max'
    const request = { qemu, names: [name], cpuModel, cacheFolder: cache, signal, ...trial }
    return proveAccelerators({ ...request, isPatient: machine.accel === name })
  }
  return (await Promise.all(names.map(prove))).flat()
}
