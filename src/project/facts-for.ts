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
  const { home, cache, locks } = means
  const paths = pathsOf(home.machine, machine)
  const known = locks && (await freshLocks(locks))
  const hostPorts = await readPorts(portsOf(machine))
  const rdma = usesRdma(machine) ? { rdma: readRdmaFacts(findTool(MULTIPLEXER)) } : {}
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
  const lacking = (found: QemuCapabilities) =>
    wrongWith(gather({ qemu: found, accelerators: [UNTRIED] })).filter((d) => OF_QEMU.has(d.code))
  const { qemu, because } = await qemuOf(machine, means, lacking).catch((cause: unknown) => {
    if (!(cause instanceof BringupError)) throw cause
    const found = [...cause.diagnostics, ...wrongWith(gather({ accelerators: [UNTRIED] }))]
    throw new BringupError(
      found.map((d) => asWritten(d, layers)),
      { cause },
    )
  })
  const { model, features } = machine.cpu
  const asked = await readCpuModel({ qemu, model, features, cacheFolder: cache, signal: means.signal })
  const cpu = {
    ...(asked ? { cpu: asked } : {}),
    ...(because === undefined ? {} : { qemuBecause: because }),
  }
  // A trial guest takes seconds where none was run before: what is wrong without it is said at once.
  if (!findProbe(cache).isBuilt) {
    const untried = gather({ qemu, ...cpu, accelerators: [UNTRIED] })
    if (wrongWith(untried).length > 0) return untried
  }
  const facts = gather({ qemu, ...cpu, accelerators: await acceleratorsFor(machine, qemu, means) })
  const mayBeDax = [...facts.files.values()].some((file) => file.mayBeDax)
  return mayBeDax ? withMapSync(facts, { cacheFolder: cache, signal: means.signal }) : facts
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
 * The QEMU that the machine names; else the default; where that lacks what the machine needs, the first that does not. No
 * binary is looked for where the architecture has none that bringup could use: the rule says so.
 */
async function qemuOf(
  { arch, qemu: wish }: MachineConfig,
  { cache, signal }: Pick<FactMeans, 'cache' | 'signal'>,
  lacking: (qemu: QemuCapabilities) => readonly Diagnostic[],
): Promise<{ readonly qemu: QemuCapabilities; readonly because?: string }> {
  if (arch !== ARCH) throw new BringupError([])
  const qemu = await chooseQemu({ arch, wish, cacheFolder: cache, signal })
  if (wish !== undefined || process.env.BRINGUP_QEMU !== undefined) return { qemu }
  const [reason] = lacking(qemu)
  if (reason === undefined) return { qemu }
  for (const binary of candidates(arch)) {
    if (binary.path === qemu.path) continue
    const other = await readCapabilities(binary, arch, cache, signal).catch((error: unknown) => {
      signal.throwIfAborted()
      if (!(error instanceof BringupError)) throw error
    })
    if (other && lacking(other).length === 0) return { qemu: other, because: reason.what }
  }
  return { qemu }
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
