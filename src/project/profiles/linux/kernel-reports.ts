/**
 * Reports in a kernel's log: what the kernel says about itself that is wrong. A report says that the kernel's own state,
 * its locking, or the data that it keeps is broken. Not reports: what programs did (segfaults, OOM kills), what could not
 * be given (page allocation failures), what hardware and firmware did (I/O errors, machine checks, ACPI errors). Those
 * happen on a kernel that works, and tests provoke them.
 */
import type { KernelLog, KernelReport } from '../../profile.ts'
import { type KernelLine, linesOfConsole, linesOfRecords } from './kernel-log.ts'

const CUT_HERE = /^-{6,}\[ cut here \]-{6,}/
const END_TRACE = /^---\[ end (?:trace|Kernel panic)/
const RULE = /^={20,}$/

/** A line that begins a report whatever follows. Sources: lib/bug.c, kernel/panic.c, mm/kasan, kernel/locking, kernel/rcu. */
const STARTS: readonly RegExp[] = [
  // `WARNING: CPU: 0 PID: 1 at …`, `WARNING: kernel/fork.c:10 at …` (6.17), `WARNING: at kernel/fork.c:10` (3.x).
  /^WARNING: (?:CPU: \d+ PID: \d+ at |at \S+:\d+|\S+:\d+ at )/,
  // Lockdep.
  /^(?:WARNING|INFO): (?:possible (?:circular locking|recursive locking|irq lock inversion|deadlock)|inconsistent (?:\{|lock state)|bad unlock balance|bad contention|suspicious RCU usage|held lock freed|lock held (?:at|when)|Nested lock|\S+ -> \S+ lock order|kernel stack (?:regs|frame pointer) at |trying to register non-static key)/,
  /^\[ (?:INFO|BUG): /,
  /^INFO: (?:suspicious RCU usage|trying to register non-static key)/,
  // KASAN, KMSAN, KFENCE, KCSAN, scheduling while atomic, Bad page state, bad pointers, slab corruption.
  /^BUG: /,
  /^BUG \S+ \((?:Not tainted|Tainted:|\S+\s+[A-Z ]*\))/,
  /^(?:KASAN|KCSAN|KFENCE|KMSAN): (?!.*\b(?:initialized|enabled|disabled|strict)\b)/,
  /^(?:Slab corruption|slab error in|slab '\S+': )/,
  /^UBSAN: /,
  // Watchdogs. `rcu: ` and `watchdog: ` are prefixes of newer kernels.
  /^(?:rcu: )?INFO: (?:rcu_\w+ |srcu_\w+ )?(?:self-)?detected (?:expedited )?stalls?\b/,
  /^rcu: INFO: rcu_\w+ (?:self-)?detected (?:expedited )?stalls?\b/,
  /^(?:NMI )?watchdog: (?:BUG: soft lockup|CPU\d+: Watchdog detected hard LOCKUP|Watchdog detected hard LOCKUP)/,
  /^INFO: task \S.* (?:blocked (?:for more than|in I\/O wait)|can't die for more than)/,
  /\bNETDEV WATCHDOG: /,
  /^unregister_netdevice: waiting for \S+ to become free/,
  /^irq \d+: no[b]ody cared/,
  // Faults of the kernel; those of programs begin with `traps: ` or with the program's name.
  /^(?:general protection fault|stack segment|divide[ _]error|invalid opcode|int3|alignment check|bounds|double fault|overflow|coprocessor segment overrun)(?:,[^:]*)?: [0-9a-f]{4} \[#\d+\]/,
  /^general protection fault, probably for /,
  /^Oops(?:: |\[#)/,
  /^Internal error: /,
  /^(?:BUG: )?[Uu]nable to handle (?:kernel|page fault)/,
  /^kernel BUG at /,
  /^PANIC: (?:double fault|early exception)/,
  /^(?:kernel stack overflow|BUG: (?:TASK )?stack guard page)/i,
  /^Kernel panic - not syncing/,
  // Data structures.
  /^(?:list_(?:add|del)\b.* (?:corruption|double add)|refcount_t: |ODEBUG: (?!Out of memory|selftest)|DMA-API: \S.*(?:driver|overlapping|cpu touching))/,
  /^kmemleak: \d+ new suspected memory leaks?/,
  /^sysfs: cannot create duplicate filename/,
  /^VFS: (?:Busy inodes after unmount|Close: file count is 0)/,
  // File systems that found their data broken.
  /^EXT[234]-fs error \(/,
  /^XFS \([^)]*\): (?:Internal error|Metadata corruption|Corruption)/,
  /^BTRFS critical \(|^BTRFS: error \(/,
  /^F2FS-fs \([^)]*\): .*(?:inconsistent|corrupt)/,
]

/** `WARNING: ` of other wording is one where a trace follows; boot messages begin with that word too. */
const LIKELY_START = /^WARNING: /
const TRACE = /^(?:Call Trace:|stack backtrace:|\s*<TASK>|\[<[0-9a-f]+>\]|Call trace:)/

/** Lines that belong to a trace: registers, frames, code. */
const IN_TRACE =
  /^(?:\s|Call [Tt]race:|stack backtrace:|CPU: |Hardware name: |RIP: |Code: |RSP: |R[A-Z0-9]{1,2}: |EAX: |ESI: |FS: |CS: |DS: |CR\d: |DR\d: |PKRU: |Modules linked in:|Workqueue: |task:|INFO: lockdep|"echo 0 >|Tainted:|Sending NMI|NMI backtrace|rcu: |Kernel Offset:|---|\[<)|\+0x[0-9a-f]+\/0x[0-9a-f]+/

const LONGEST = 300
/** Lines of one report are printed at once; a serial console takes its time. */
const LONGEST_GAP_SECONDS = 5
const LOOK_AHEAD = 40
/** Lockdep lists every lock with its own trace before it shows where it was called from. */
const LOOK_AHEAD_RULED = 250

/** Every report, in the order of the log. */
export function findReports(log: readonly KernelLine[]): readonly KernelReport[] {
  const texts = log.map((line) => line.text.trimEnd())
  const reports: KernelReport[] = []
  for (let at = 0; at < texts.length; ) {
    const start = startAt(texts, at)
    if (start === undefined) {
      at++
      continue
    }
    const end = endOf(log, texts, at, start)
    reports.push({ title: (texts[start] ?? '').trim(), lines: texts.slice(at, end) })
    at = Math.max(end, at + 1)
  }
  return reports
}

/** Index of the title of a report that begins here. */
function startAt(texts: readonly string[], at: number): number | undefined {
  const text = texts[at] ?? ''
  if (CUT_HERE.test(text)) return titleAfterCut(texts, at)
  if (RULE.test(text)) return isStart(texts, at + 1) ? at + 1 : undefined
  return isStart(texts, at) ? at : undefined
}

function isStart(texts: readonly string[], at: number): boolean {
  const text = texts[at] ?? ''
  if (STARTS.some((pattern) => pattern.test(text))) return true
  if (!LIKELY_START.test(text)) return false
  return texts.slice(at + 1, at + LOOK_AHEAD).some((line) => TRACE.test(line))
}

/** Some warnings say their own words before the line with the place. */
function titleAfterCut(texts: readonly string[], cut: number): number {
  const near = texts.slice(cut + 1, cut + 6)
  const found = near.findIndex(
    (line) => STARTS.some((pattern) => pattern.test(line)) || LIKELY_START.test(line),
  )
  return cut + 1 + Math.max(0, found)
}

/** Index after the last line. */
function endOf(log: readonly KernelLine[], texts: readonly string[], first: number, title: number): number {
  const isCut = CUT_HERE.test(texts[first] ?? '')
  const isRuled = RULE.test(texts[first] ?? '')
  const limit = Math.min(texts.length, first + LONGEST)
  // Faults and warnings name their end; so does a block between two rules of `=`.
  const closing = texts.slice(title + 1, limit).findIndex((line, i) => {
    if (gapBefore(log, title + 1 + i)) return true
    return (
      END_TRACE.test(line) ||
      (isRuled && RULE.test(line)) ||
      (!isCut && CUT_HERE.test(line) && !isFault(texts[title]))
    )
  })
  const line = texts[title + 1 + closing] ?? ''
  if (closing !== -1 && (END_TRACE.test(line) || (isRuled && RULE.test(line)))) {
    const end = title + 1 + closing + 1
    if (isCut || isRuled || isFault(texts[title])) return end
  }
  return endOfTrace(log, texts, title, limit, isRuled ? LOOK_AHEAD_RULED : LOOK_AHEAD)
}

function isFault(title = ''): boolean {
  return /Oops|BUG: (?:unable|kernel NULL)|kernel BUG|fault|opcode|Internal error|nable to handle|panic|list_|refcount_t|ODEBUG/.test(
    title,
  )
}

/** Without an end of its own, a report ends behind its trace. */
function endOfTrace(
  log: readonly KernelLine[],
  texts: readonly string[],
  title: number,
  limit: number,
  ahead: number,
): number {
  let hasTrace = false
  for (let i = title + 1; i < limit; i++) {
    const line = texts[i] ?? ''
    if (gapBefore(log, i) || RULE.test(line) || CUT_HERE.test(line)) return i
    if (/^\s*<\/TASK>/.test(line) && !texts.slice(i + 1, i + 12).some((l) => /^\s*<\/?TASK>/.test(l)))
      return i + 1
    if (TRACE.test(line)) hasTrace = true
    else if (hasTrace && !IN_TRACE.test(line)) return i
    else if (!hasTrace && !texts.slice(i, i + ahead).some((l) => TRACE.test(l))) return i
    else if (STARTS.some((pattern) => pattern.test(line)) && !isFault(line)) return i
  }
  return limit
}

function gapBefore(log: readonly KernelLine[], at: number): boolean {
  const [before, now] = [log[at - 1]?.seconds, log[at]?.seconds]
  return before !== undefined && now !== undefined && now - before > LONGEST_GAP_SECONDS
}

/** Bits of `/proc/sys/kernel/tainted` that follow from a report (Documentation/admin-guide/tainted-kernels.rst). */
const TAINTS: readonly (readonly [bit: number, meaning: string])[] = [
  [5, 'a bad page was found (B)'],
  [7, 'the kernel died once (D)'],
  [9, 'the kernel warned (W)'],
  [14, 'a soft lockup occurred (L)'],
]

/** What the taint says of reports that the log has lost, by its size or by a program that cleared it. */
export function lostReports(tainted: string, found: readonly KernelReport[]): readonly KernelReport[] {
  const bits = Number(tainted.trim())
  if (found.length > 0 || !Number.isSafeInteger(bits)) return []
  // One for each, so that a pattern that allows one does not allow the others.
  return TAINTS.filter(([bit]) => Math.floor(bits / 2 ** bit) % 2 === 1).map(([, meaning]) => {
    const line = `/proc/sys/kernel/tainted is ${bits}: ${meaning}`
    return { title: `${line}; the kernel log no longer has the report`, lines: [line] }
  })
}

/**
 * The log that the kernel keeps has everything, whatever the console shows; what an earlier boot of the same run said is
 * on the console only.
 */
export const KERNEL_LOG: KernelLog = {
  files: ['/dev/kmsg', '/proc/sys/kernel/tainted'],
  find({ contents: [records = '', tainted = ''], console }) {
    const kept = findReports(linesOfRecords(records))
    const titles = new Set(kept.map((report) => report.title))
    const shown = findReports(linesOfConsole(console)).filter((report) => !titles.has(report.title))
    const found = [...shown, ...kept]
    return [...found, ...lostReports(tainted, found)]
  },
}
