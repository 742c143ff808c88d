/** What a CPU model is once the features of a machine are switched on and off, asked of QEMU by QMP and kept. */
import { join } from 'node:path'
import type { CpuFact, QemuBinary, QemuCapabilities } from '../machine/facts.ts'
import { binaryOf } from './binary.ts'
import { keep, nameOf, readKept } from './cache.ts'
import { startQemu } from './process.ts'

/** Bumped when the question or the shape of its answer changes. */
const SHAPE = 2
const DEADLINE_MS = 10_000
const LONG_MODE = 'lm'
const X2APIC = 'x2apic'

interface CpuModelRequest {
  readonly qemu: Pick<QemuCapabilities, 'path' | 'starting' | 'sha256' | 'cpuModels'>
  readonly model: string
  /** As in `-cpu`: `+lm`, `-lm`, `lm=off`. */
  readonly features: readonly string[]
  readonly cacheFolder: string
  readonly signal?: AbortSignal
}

/**
 * Undefined where there is nothing to ask: `max` and `host` are 64-bit CPUs unless a feature says otherwise. Undefined
 * as well for a model that QEMU does not know, and for a QEMU that does not answer.
 *
 * @throws the signal's reason when aborted
 */
export async function readCpuModel(request: CpuModelRequest): Promise<CpuFact | undefined> {
  const { qemu, model, features, cacheFolder, signal } = request
  const longMode = switched(features, LONG_MODE)
  const name = [model, ...(longMode === undefined ? [] : [`${LONG_MODE}=${longMode ? 'on' : 'off'}`])].join(
    ',',
  )
  if (longMode !== undefined && (model === 'max' || model === 'host')) return { name, hasLongMode: longMode }
  if (!qemu.cpuModels.includes(model) || model === 'max' || model === 'host') return undefined
  const folder = join(cacheFolder, 'cpu-models')
  const key = nameOf([SHAPE, qemu.sha256, name])
  const known = readKept<unknown>(folder, key)
  if (isAnswer(known)) return { name, ...known }
  const answer = await ask(binaryOf(qemu), model, longMode, signal)
  signal?.throwIfAborted()
  if (answer === undefined) return undefined
  keep(folder, key, answer)
  return { name, ...answer }
}

type Answer = Required<Pick<CpuFact, 'hasLongMode' | 'hasX2apic'>>

/** A cache file may have been written by anything. */
function isAnswer(value: unknown): value is Answer {
  const { hasLongMode, hasX2apic } = (value ?? {}) as Partial<Answer>
  return typeof hasLongMode === 'boolean' && typeof hasX2apic === 'boolean'
}

/** `+x` and `-x` are applied behind all `x=on`, and `-x` last (QEMU: x86_cpu_parse_featurestr, x86_cpu_expand_features). */
function switched(features: readonly string[], name: string): boolean | undefined {
  if (features.includes(`-${name}`)) return false
  if (features.includes(`+${name}`)) return true
  const last = features.findLast((f) => f.startsWith(`${name}=`))
  return last === undefined ? undefined : /=(on|yes|true|y)$/.test(last)
}

async function ask(
  binary: QemuBinary,
  name: string,
  longMode: boolean | undefined,
  signal: AbortSignal | undefined,
): Promise<Answer | undefined> {
  const args = [['-machine', 'none'], ['-nodefaults'], ['-no-user-config'], ['-display', 'none']] as const
  await using qemu = await startQemu({
    plan: { qemu: { ...binary, version: '' }, args, channels: [], locks: [] },
  })
  const stop = () => qemu.kill()
  const deadline = setTimeout(stop, DEADLINE_MS)
  signal?.addEventListener('abort', stop, { once: true })
  try {
    await qemu.ready
    const props = longMode === undefined ? {} : { props: { [LONG_MODE]: longMode } }
    const answer = await qemu.qmp.execute('query-cpu-model-expansion', {
      type: 'full',
      model: { name, ...props },
    })
    const known = answer.model?.props
    const found = { hasLongMode: known?.[LONG_MODE], hasX2apic: known?.[X2APIC] === true }
    return isAnswer(found) ? found : undefined
  } catch {
    // Rules that hang on the answer stay silent then; the machine itself is refused or not by QEMU.
    return undefined
  } finally {
    clearTimeout(deadline)
    signal?.removeEventListener('abort', stop)
  }
}
