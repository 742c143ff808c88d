/**
 * Which accelerators really run guests here. One counts only after a throw-away guest ran on it: a /dev/kvm can open,
 * create machines, run real-mode code, and still hang every kernel. Answers are kept until something that they depend
 * on changes.
 */
import { join } from 'node:path'
import { readCpus } from '../host/cpus.ts'
import { readKernel } from '../host/kernel.ts'
import { kvmProblem, readKvm } from '../host/kvm.ts'
import type { AcceleratorFact, QemuCapabilities } from '../machine/facts.ts'
import { withLock } from '../processes/file-lock.ts'
import { contentOf, keep, nameOf, readKept } from './cache.ts'
import { tryAccelerator } from './trial.ts'

export interface AcceleratorRequest {
  readonly qemu: QemuCapabilities
  /** Which ones to ask about. Default: both. */
  readonly names?: readonly AcceleratorFact['name'][]
  /** CPU model that the guests will have: one may work where another does not. Default: `max`. */
  readonly cpuModel?: string
  /** The built probe kernel (PVH); undefined when it could not be built, and then why. */
  readonly probeKernel: string | undefined
  readonly kernelProblem?: string
  /** The user's cache folder of bringup. */
  readonly cacheFolder: string
  readonly signal?: AbortSignal
  /** Tries again instead of believing what was kept. */
  readonly refresh?: boolean
  /** The only accelerator that will do: a KVM that is slow, as within a guest, is worth waiting for. */
  readonly isPatient?: boolean
  /** Default: 2,500 ms for KVM, where a guest ends within 200, and 20,000 for TCG on a loaded computer. */
  readonly deadlineMs?: number
  /** Another device than /dev/kvm, for tests. */
  readonly kvmPath?: string
}

type Name = AcceleratorFact['name']

const DEADLINES_MS: Readonly<Record<Name, number>> = { kvm: 2500, tcg: 20_000 }
/** Tried on the SVM that QEMU emulates: 7 s. */
const PATIENT_MS = 20_000

/** Bumped when the trial or the shape of its answer changes. */
const SHAPE = 2

/**
 * The facts about each accelerator, KVM first. The first time costs a trial guest each, side by side; later times a
 * few reads.
 *
 * @throws the signal's reason when aborted; everything else is in the facts
 */
export async function proveAccelerators(request: AcceleratorRequest): Promise<readonly AcceleratorFact[]> {
  const { names = ['kvm', 'tcg'] } = request
  return Promise.all(names.map((name) => prove(name, request)))
}

async function prove(name: Name, request: AcceleratorRequest): Promise<AcceleratorFact> {
  const obstacle = obstacleTo(name, request)
  if (obstacle) return { name, tookMs: 0, ...obstacle }
  const { probeKernel: kernel = '', cpuModel = 'max', cacheFolder, signal } = request
  const folder = join(cacheFolder, 'accelerators')
  const parts = dependencies(name, { ...request, kernel, cpuModel })
  const deadlineMs = request.deadlineMs ?? (request.isPatient ? PATIENT_MS : DEADLINES_MS[name])
  // One that failed may work with more time.
  const keys = { works: nameOf(parts), fails: nameOf([...parts, deadlineMs]) }
  const kept = () =>
    request.refresh
      ? undefined
      : [keys.works, keys.fails].map((key) => readKept(folder, key)).find((fact) => isFact(fact, name))
  const known = kept()
  if (isFact(known, name)) return known
  // Parallel trials slow each other down until they time out. A process that waits finds the answer of the one before.
  const lock = join(cacheFolder, 'locks', `accelerator-${name}`)
  return withLock(
    lock,
    async () => {
      const byAnother = kept()
      return isFact(byAnother, name)
        ? byAnother
        : tryAndKeep(name, { ...request, probeKernel: kernel, cpuModel, deadlineMs }, { folder, keys })
    },
    signal,
  )
}

async function tryAndKeep(
  name: Name,
  request: AcceleratorRequest & Readonly<{ probeKernel: string; cpuModel: string; deadlineMs: number }>,
  { folder, keys }: { readonly folder: string; readonly keys: Readonly<Record<'works' | 'fails', string>> },
): Promise<AcceleratorFact> {
  const { qemu, probeKernel: kernel, cpuModel, deadlineMs, signal } = request
  const beganAt = performance.now()
  const { isCertain, ...result } = await tryAccelerator({
    qemu,
    accelerator: name,
    cpuModel,
    kernel,
    deadlineMs,
    ...(signal ? { signal } : {}),
  })
  const opens = name === 'kvm' && !result.works ? `${request.kvmPath ?? '/dev/kvm'} opens, but ` : ''
  const fact = {
    name,
    ...result,
    reason: `${opens}${result.reason}`,
    tookMs: Math.round(performance.now() - beganAt),
  }
  // TCG is software: where it fails, the reason lies in this computer's state at that moment, and the next run tries again.
  if (fact.works || (isCertain && name === 'kvm')) keep(folder, fact.works ? keys.works : keys.fails, fact)
  return fact
}

/** What makes a trial needless or impossible. */
function obstacleTo(
  name: Name,
  request: AcceleratorRequest,
): Pick<AcceleratorFact, 'works' | 'reason'> | undefined {
  const { qemu } = request
  if (!qemu.accelerators.includes(name)) {
    return { works: false, reason: `${qemu.path} was built without ${name.toUpperCase()}` }
  }
  if (name === 'kvm') {
    const problem = kvmProblem(readKvm(request.kvmPath))
    if (problem) return { works: false, reason: `${problem.what}; ${problem.remedy}` }
  }
  if (request.probeKernel !== undefined) return undefined
  const because = request.kernelProblem ?? 'the trial kernel was not built'
  return name === 'kvm'
    ? {
        works: false,
        reason: `unproven, so not used: ${because}; with a C compiler (gcc or clang) a trial guest can be run`,
      }
    : { works: true, reason: `unproven, but it is software and needs nothing of this computer: ${because}` }
}

/** Everything that can change the answer. A reboot counts: firmware settings and module options may differ after it. */
function dependencies(
  name: Name,
  request: AcceleratorRequest & { kernel: string; cpuModel: string },
): readonly unknown[] {
  const { qemu } = request
  const kernelContent = contentOf(request.kernel, request.cacheFolder)
  const always = [
    SHAPE,
    name,
    qemu.sha256,
    request.cpuModel,
    kernelContent,
    qemu.firmware['qboot.rom'],
    ...(qemu.starting ? [qemu.starting] : []),
  ]
  if (name === 'tcg') return always
  const { release, bootId } = readKernel()
  return [...always, release, bootId, readCpus().model, readKvm(request.kvmPath).identity]
}

/** A cache file may have been written by anything. */
function isFact(value: unknown, name: Name): value is AcceleratorFact {
  const fact = value as Partial<AcceleratorFact> | null | undefined
  return (
    typeof fact === 'object' &&
    fact !== null &&
    fact.name === name &&
    typeof fact.works === 'boolean' &&
    typeof fact.reason === 'string'
  )
}
