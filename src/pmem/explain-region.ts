/** Explains what the kernel did with a region. Pure. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { deviceOf, type PmemDevice } from './devices.ts'
import { splitCommandLine } from './kernel-arguments.ts'
import { formatSpan, type MemoryRange, overlap, spanOf } from './memory-map.ts'
import { parseUserLog } from './parse-map.ts'
import { memmapWord } from './parse-parameters.ts'
import type { WantedRegion } from './region-rules.ts'

export const problems = defineDiagnostics({
  PMEM_REBOOT_DUE: {
    title: 'The boot loader has the parameter, but the running kernel was started without it.',
    severity: 'warning',
    why: 'memory is given away at boot only',
    remedy:
      'reboot, then `bringup pmem status`; if it was rebooted, another entry or another disk was started',
  },
  PMEM_CUT: {
    title: 'The kernel has cut the region into pieces, or cut off a part.',
    why: 'the kernel, the initramfs or memory of the firmware lies in it',
    remedy: 'undo it with `bringup pmem undo`, and let bringup choose the address',
    source: 'arch/x86/kernel/e820.c',
  },
  PMEM_MISALIGNED: {
    title: 'The kernel reports that the region is misaligned, and creates no device.',
    why: 'start and end must be multiples of 2 MiB',
    remedy: 'undo it with `bringup pmem undo`, and choose another size or address',
  },
  PMEM_DEVICE_MISSING: {
    title: 'The kernel has reserved the region, but there is no device.',
    why: 'its drivers are not loaded, or failed',
    remedy: 'load them: modprobe nd_e820, modprobe nd_pmem; then look into the kernel’s log',
  },
  PMEM_ELSEWHERE: {
    title: 'The device is on another NUMA node than was wanted.',
    severity: 'warning',
    why: 'the firmware’s tables may have changed since it was planned',
    remedy: 'undo it with `bringup pmem undo`, and plan again',
  },
  PMEM_NO_DAX: {
    title: 'The device’s namespace is not in the mode fsdax.',
    why: 'file systems on it cannot be mounted with DAX',
    remedy: 'ndctl create-namespace --force --reconfig=NAMESPACE --mode=fsdax; that destroys what is on it',
  },
})

export interface KernelWord {
  readonly commandLine: string
  readonly log: string
  readonly devices: readonly PmemDevice[]
}

export interface RegionState {
  readonly state: 'ready' | 'awaiting-reboot' | 'failed'
  /** `/dev/pmem0`. */
  readonly device?: PmemDevice
  /** The kernel’s own lines about it. */
  readonly evidence: readonly string[]
  readonly diagnostics: readonly Diagnostic[]
}

export function explainRegion(region: WantedRegion, kernel: KernelWord): RegionState {
  const word = memmapWord(region)
  const name = `${word} ${formatSpan(spanOf(region))}`
  if (!splitCommandLine(kernel.commandLine).includes(word)) {
    const due = problems.PMEM_REBOOT_DUE.at('', `${word} is not on the command line of the running kernel`)
    return { state: 'awaiting-reboot', evidence: [], diagnostics: [due] }
  }
  const evidence = linesAbout(region, kernel.log)
  const device = deviceOf(region, kernel.devices)
  if (!device?.path) {
    const why = whyMissing(region, kernel)
    return { state: 'failed', evidence, diagnostics: [why.at('', name, { evidence })] }
  }
  const elsewhere =
    region.node !== undefined && region.node !== device.node
      ? [
          problems.PMEM_ELSEWHERE.at(
            '',
            `${device.path} is on node ${device.node}, not on node ${region.node}`,
          ),
        ]
      : []
  const isDax = device.mode === undefined || device.mode === 'memory'
  const raw = isDax ? [] : [problems.PMEM_NO_DAX.at('', `${device.path} is in mode ${device.mode}`)]
  return { state: isDax ? 'ready' : 'failed', device, evidence, diagnostics: [...elsewhere, ...raw] }
}

function whyMissing(region: WantedRegion, { log }: KernelWord) {
  const pieces = emulatedIn(region, log)
  const isWhole = pieces.some((p) => p.start === region.start && p.end === region.start + region.bytes)
  if (pieces.length > 0 && !isWhole) return problems.PMEM_CUT
  return /misaligned, unable to map/.test(log) ? problems.PMEM_MISALIGNED : problems.PMEM_DEVICE_MISSING
}

function emulatedIn(region: WantedRegion, log: string): readonly MemoryRange[] {
  return parseUserLog(log).filter((r) => r.kind === 'emulated' && overlap(r, spanOf(region)))
}

function linesAbout(region: WantedRegion, log: string): readonly string[] {
  const pieces = emulatedIn(region, log).map((r) => `user: ${formatSpan(r)} persistent (type 12)`)
  const complaints = log
    .split('\n')
    .filter((line) => /misaligned, unable to map|probe of namespace|nd_region.*fail/.test(line))
  return [...pieces, ...complaints.map((line) => line.trim())]
}
