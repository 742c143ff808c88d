import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { gunzipSync } from 'node:zlib'
import { describe, expect, it } from 'vitest'
import { linesOfConsole, linesOfRecords } from './kernel-log.ts'
import { findReports, KERNEL_LOG, lostReports } from './kernel-reports.ts'

const FIXTURES = join(import.meta.dirname, 'fixtures')

/** `### NAME | TITLE`, then the lines of a console: an ordinary one, the report, an ordinary one. */
const reports = readFileSync(join(FIXTURES, 'kernel-reports.txt'), 'utf8')
  .split(/^### /m)
  .slice(1)
  .map((section) => {
    const [head = '', ...lines] = section.trimEnd().split('\n')
    const [name = '', title = ''] = head.split(' | ')
    return { name, title, lines }
  })

describe('findReports', () => {
  it('has more than 40 kinds of reports to look for', () => {
    expect(reports.length).toBeGreaterThan(40)
  })

  it.each(reports)('finds the whole of: $name', ({ title, lines }) => {
    const log = linesOfConsole(lines.join('\n'))
    const found = findReports(log)
    expect(found.map((report) => report.title)).toEqual([title.trim()])
    const whole = log.slice(1, -1).map((line) => line.text.trimEnd())
    expect(found[0]?.lines.slice(0, whole.length)).toEqual(whole.slice(0, found[0]?.lines.length))
    expect(found[0]?.lines.length).toBeGreaterThanOrEqual(Math.min(whole.length - 9, whole.length))
    expect(found[0]?.lines.length).toBeLessThanOrEqual(whole.length)
  })

  it('finds each of many reports in one log', () => {
    const found = findReports(linesOfConsole(reports.flatMap((r) => r.lines).join('\n')))
    expect(found.map((report) => report.title)).toEqual(reports.map((r) => r.title.trim()))
  })

  it('finds them in the records of the kernel, and passes over what programs have written there', () => {
    const record = (priority: number, text: string) => `${priority},1,1000000,-;${text}\n SUBSYSTEM=net\n`
    const warning = 'WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 f+0x1/0x2'
    expect(findReports(linesOfRecords(record(4, `${warning}\\x0aCall Trace:`)))).toEqual([
      { title: warning, lines: [warning, 'Call Trace:'] },
    ])
    expect(findReports(linesOfRecords(record(12, warning)))).toEqual([])
  })

  it('passes over what a program prints on the console', () => {
    const text = 'WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 f+0x1/0x2\nBUG: unable to handle page fault\n'
    expect(findReports(linesOfConsole(text))).toEqual([])
  })

  it.each([
    'Spectre V2 : WARNING: LFENCE mitigation is not recommended for this CPU, data leaks possible!',
    'traps: prog[123] general protection fault ip:401136 sp:7ffd0 error:0 in prog[401000+1000]',
    'prog[123]: segfault at 0 ip 0000000000401136 sp 00007ffd0 error 4 in prog[401000+1000]',
    'Out of memory: Killed process 133 (sh) total-vm:1004kB, anon-rss:0kB, file-rss:4kB',
    'stress-ng: page allocation failure: order:5, mode:0x40dc0(GFP_KERNEL|__GFP_COMP|__GFP_ZERO)',
    'kasan: KernelAddressSanitizer initialized (generic)',
    'KASAN: KernelAddressSanitizer initialized (generic)',
    'kfence: initialized - using 2097152 bytes for 255 objects at 0x(____ptrval____)-0x(____ptrval____)',
    'rcu: Preemptible hierarchical RCU implementation.',
    'rcu: RCU calculated value of scheduler-enlistment delay is 25 jiffies.',
    'NMI watchdog: Perf NMI watchdog permanently disabled',
    'watchdog: Delayed init of the lockup detector failed: -19',
    'INFO: lockdep is turned off.',
    'INFO: NMI handler (perf_event_nmi_handler) took too long to run: 2.277 msecs',
    'WARNING: no console output device',
    'WARNING: Support for this will be removed in 6.9',
    'Warning: unable to open an initial console.',
    'ACPI BIOS Error (bug): Could not resolve symbol [\\_SB.PCI0], AE_NOT_FOUND (20220331/psargs-330)',
    "[Firmware Bug]: TSC doesn't count with P0 frequency!",
    'mce: [Hardware Error]: Machine check events logged',
    "clocksource: timekeeping watchdog on CPU0: Marking clocksource 'tsc' as unstable because the skew is too large:",
    'kmemleak: Kernel memory leak detector initialized (mem pool available: 15679)',
    'Kernel command line: console=ttyS0 oops=panic panic_on_warn=1 softlockup_panic=1',
    'ODEBUG: Out of memory. ODEBUG disabled',
    'ODEBUG: selftest passed',
    'blk_update_request: I/O error, dev vda, sector 0 op 0x0:(READ) flags 0x0 phys_seg 1 prio class 0',
    'systemd[1]: BUG: a unit says so',
    'DMA-API: preallocated 65536 debug entries',
    'DMA-API: debugging enabled by kernel config',
    'UBSAN is off',
  ])('takes for no report: %s', (text) => {
    expect(findReports([{ text, seconds: 1 }])).toEqual([])
  })

  const boots = readdirSync(FIXTURES).filter((name) => name.endsWith('.kmsg.gz'))
  it.each(boots)('finds none in the log of a clean boot: %s', (name) => {
    const log = linesOfRecords(gunzipSync(readFileSync(join(FIXTURES, name))).toString('latin1'))
    expect(log.length).toBeGreaterThan(200)
    expect(findReports(log)).toEqual([])
  })

  it('has clean boots of many machines to look at', () => {
    expect(boots.length).toBeGreaterThanOrEqual(10)
  })
})

describe('the taint of a kernel', () => {
  it('tells of reports that the log has lost', () => {
    expect(lostReports('512\n', [])[0]?.title).toContain('the kernel warned (W)')
    expect(lostReports('4608\n', [])).toHaveLength(1)
  })

  it('is a report for each flag, which are allowed one by one', () => {
    const lines = lostReports('640\n', []).flatMap((report) => report.lines)
    expect(lines.map((line) => line.includes('(W)'))).toEqual([false, true])
  })

  it('tells nothing where modules alone have tainted it, or the report was found', () => {
    expect(lostReports('4097\n', [])).toEqual([])
    expect(lostReports('0\n', [])).toEqual([])
    expect(lostReports('512\n', [{ title: 'x', lines: ['x'] }])).toEqual([])
  })
})

describe('what is read at the end of a run', () => {
  it('is put together from the log and, for earlier boots, from the console', () => {
    const warning = 'WARNING: CPU: 0 PID: 1 at kernel/fork.c:1 f+0x1/0x2'
    const records = `4,1,1000000,-;${warning}\n`
    const console = `[    1.000000] ${warning}\r\n[    9.000000] BUG: Bad page state in process a  pfn:1\r\n`
    const titles = KERNEL_LOG.find({ contents: [records, '544\n'], console }).map((r) => r.title)
    expect(titles).toEqual(['BUG: Bad page state in process a  pfn:1', warning])
  })
})
