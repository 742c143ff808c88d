/** One throw-away guest on one accelerator: how far it came, and why it went no further. */
import type { Argument } from '../machine/device.ts'
import type { QemuCapabilities } from '../machine/facts.ts'
import { binaryOf } from './binary.ts'
import type { QemuExit } from './exit.ts'
import { type Patience, startPatience } from './patience.ts'
import { type QemuProcess, startQemu } from './process.ts'

/** What the trial boots: the probe kernel, told by its command line to test the accelerator and no more. */
export interface TrialRequest {
  readonly qemu: Pick<QemuCapabilities, 'path' | 'starting' | 'firmware' | 'machines'>
  readonly accelerator: 'kvm' | 'tcg'
  readonly cpuModel: string
  /** ELF with a PVH entry. */
  readonly kernel: string
  readonly deadlineMs: number
  readonly signal?: AbortSignal
}

export interface TrialResult {
  readonly works: boolean
  readonly reason: string
  /** The last stage that the guest announced; undefined when it said nothing. */
  readonly stage?: string
  /** False if a state of this computer that may pass gave the answer: a signal from outside, no memory, a missing file. */
  readonly isCertain: boolean
}

/** In words, so that the reason is a sentence. Stages that a newer kernel adds are quoted as they are. */
const STAGES: Readonly<Record<string, string>> = {
  real: 'real mode',
  'long-mode': 'its first steps in long mode',
  'rep-stosb': 'rep stosb',
  exception: 'taking an exception',
  timer: 'a timer interrupt',
  cpu2: 'starting a second CPU',
}

const CPUS = 2
/** The probe kernel writes 0x10 to isa-debug-exit; QEMU exits with (value << 1) | 1. */
const PASSED = (0x10 << 1) | 1

/** Runs the guest; never longer than the deadline and the moment that killing takes. */
export async function tryAccelerator(request: TrialRequest): Promise<TrialResult> {
  const qemu = await startQemu({ plan: trialPlan(request) })
  let text = ''
  qemu.console.output.setEncoding('utf8').on('data', (chunk: string) => {
    text += chunk
  })
  let ended: 'start' | 'deadline' | 'starved' | 'abort' | undefined
  const end = (by: typeof ended) => {
    ended ??= by
    qemu.kill()
  }
  const onAbort = () => end('abort')
  request.signal?.addEventListener('abort', onAbort, { once: true })
  if (request.signal?.aborted) onAbort()
  let deadline = startPatience({ group: qemu.pid, withinMs: START_MS, mostMs: START_MS }, () => end('start'))
  const exit = await run(qemu, () => {
    deadline.clear()
    deadline = startPatience(patienceOf(request, qemu.pid), (ms) =>
      end(request.accelerator === 'kvm' && ms >= MOST * request.deadlineMs ? 'starved' : 'deadline'),
    )
  })
  deadline.clear()
  request.signal?.removeEventListener('abort', onAbort)
  if (ended === 'abort') request.signal?.throwIfAborted()
  const hung = ended === 'deadline' || ended === 'starved' ? ended : undefined
  return judgeTrial({ text, exit, hung, deadlineMs: request.deadlineMs })
}

/** For QEMU to answer. Not a part of the guest's time: libraries may come from a slow disk. */
const START_MS = 30_000
/** So many times the deadline, for a guest that is at work. */
const MOST = 8

/** A hung KVM is common and has to be quick to tell; the guest of a loaded computer is only slow, so its CPU time counts. */
function patienceOf({ accelerator, deadlineMs }: TrialRequest, group: number): Patience {
  const withinMs = deadlineMs
  return accelerator === 'tcg'
    ? { group, withinMs, mostMs: 3 * deadlineMs }
    : { group, withinMs, mostMs: MOST * deadlineMs, cpuMs: deadlineMs }
}

async function run(qemu: QemuProcess, onReady: () => void): Promise<QemuExit> {
  const start = () => {
    onReady()
    return qemu.qmp.execute('cont')
  }
  // A QEMU that ends before it answers has its reason in how it exits.
  await qemu.ready.then(start).catch(() => qemu.kill())
  return qemu.exited
}

function trialPlan({ qemu, accelerator, cpuModel, kernel }: TrialRequest) {
  const isQ35 = qemu.machines.length === 0 || qemu.machines.some((m) => m.alias === 'q35' || m.name === 'q35')
  const qboot = qemu.firmware['qboot.rom']
  const args: readonly Argument[] = [
    ['-accel', accelerator === 'tcg' ? 'tcg,thread=multi' : 'kvm'],
    ['-machine', isQ35 ? 'q35' : 'pc'],
    ['-cpu', cpuModel],
    ['-smp', `${CPUS}`],
    ['-m', '128M'],
    ['-no-user-config'],
    ['-nodefaults'],
    ['-display', 'none'],
    // A triple fault has to end the trial, not to start it anew.
    ['-no-reboot'],
    ...(qboot === undefined ? [] : [['-bios', qboot] as const]),
    ['-serial', 'chardev:console'],
    ['-device', 'isa-debug-exit,iobase=0xf4,iosize=4'],
    ['-kernel', kernel],
    ['-append', 'accel'],
  ]
  const channels = [{ id: 'console', purpose: 'console', label: 'serial 0' }] as const
  return { qemu: { ...binaryOf(qemu), version: '' }, args, channels, locks: [] }
}

interface TrialEnd {
  readonly text: string
  readonly exit: Pick<QemuExit, 'status' | 'signal' | 'stderr' | 'diagnostics'>
  /** `starved`: it got too little CPU time to tell. */
  readonly hung: 'deadline' | 'starved' | undefined
  readonly deadlineMs: number
}

/** Decides from what was said and how it ended. Pure. */
export function judgeTrial({ text, exit, hung, deadlineMs }: TrialEnd): TrialResult {
  const lines = text.split('\n').flatMap(parsedLine)
  const stage = lines.findLast((l) => l.t === 'stage')?.name
  const selftest = lines.findLast((l) => l.t === 'selftest')
  const hasEnded = lines.some((l) => l.t === 'end')
  const at = typeof stage === 'string' ? { stage } : {}
  const where = typeof stage === 'string' ? `at ${STAGES[stage] ?? stage}` : 'before it said anything'
  const fails = (reason: string, isCertain = true): TrialResult => ({
    works: false,
    reason,
    ...at,
    isCertain,
  })
  if (exit.diagnostics.length > 0) return fails(exit.diagnostics[0]?.what ?? '', false)
  if (hung === 'starved')
    return fails(
      `the guest had not ended after ${(MOST * deadlineMs) / 1000} s (${where}), of which it ran for less than ${deadlineMs / 1000}: the computer is too busy to tell whether it hangs`,
      false,
    )
  if (hung) return fails(`the guest hung ${where} (no end within ${deadlineMs / 1000} s)`)
  const failed = selftest && failedTests(selftest)
  if (failed) return fails(`the guest found that ${failed}`)
  if (exit.status === PASSED && selftest && hasEnded) {
    // A CPU without long mode is tried in 32-bit mode: the machine asks for no more.
    const mode = selftest.longMode === true ? 'long mode' : '32-bit mode'
    const reason = `a trial guest ran: ${mode}, rep stosb, exceptions, a timer interrupt, ${CPUS} CPUs`
    return { works: true, reason, ...at, isCertain: true }
  }
  const words = exit.stderr
    .trim()
    .split('\n')
    .filter((l) => l !== '' && !/ warning: /.test(l))
  if (exit.status === 0) return fails(`the guest reset itself or triple-faulted ${where}`)
  const how = exit.signal === null ? `with status ${exit.status}` : `by ${exit.signal}`
  // QEMU aborts by itself. A kill comes from outside, and a resource may be available the next time.
  const isOurs =
    exit.signal === 'SIGKILL' || exit.signal === 'SIGTERM' || words.some((word) => OF_THE_MOMENT.test(word))
  return fails(`QEMU ended ${how} ${where}${words.length > 0 ? `: ${reasonIn(words)}` : ''}`, !isOurs)
}

const OF_THE_MOMENT =
  /cannot allocate|not enough|out of memory|too many open files|resource temporarily|no such file|no space left|could not load|device or resource busy/i

/** QEMU's own error rather than the assertion that follows from it. */
function reasonIn(words: readonly string[]): string {
  return (words.find((line) => /\berror\b|failed|could not/i.test(line)) ?? words.at(-1) ?? '').replace(
    /^qemu[^:]*: /,
    '',
  )
}

type Line = Readonly<Record<string, unknown>>

function parsedLine(line: string): readonly Line[] {
  const start = line.indexOf('{"t":')
  if (start === -1) return []
  try {
    return [JSON.parse(line.slice(start)) as Line]
  } catch {
    return []
  }
}

/** In words: `timer: false` is "timer did not work". Undefined when all did. */
function failedTests(selftest: Line): string | undefined {
  const broken = Object.entries(selftest).flatMap(([name, value]) =>
    value === false ? [`${name} did not work`] : [],
  )
  const cpus = selftest.cpus
  const missing = typeof cpus === 'number' && cpus < CPUS ? [`only ${cpus} of ${CPUS} CPUs started`] : []
  const all = [...broken, ...missing]
  return all.length > 0 ? all.join(', ') : undefined
}
