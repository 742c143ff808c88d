import { describe, expect, it } from 'vitest'
import type { Judgement } from '../plan/plan.ts'
import type { Ending } from './ending.ts'
import { judge } from './judge.ts'

const judgement: Judgement = {
  exitCodes: {
    16: { verdict: 'passed', meaning: 'fine' },
    2: { verdict: 'failed', meaning: 'panic code' },
    0: { verdict: 'passed', meaning: 'zero' },
  },
  panicPatterns: [],
  onPowerOff: 'failed',
  onReset: 'stop',
}

const ending: Ending = {
  status: 33,
  signal: null,
  stderr: '',
  started: true,
  tripleFault: false,
  debugExit: true,
  timeoutMs: 1000,
  consoleTail: ['last line'],
}

const verdictOf = (changes: Partial<Ending>, rules: Partial<Judgement> = {}) =>
  judge({ ...ending, ...changes }, { ...judgement, ...rules }).verdict

describe('judge', () => {
  it('passes on a code that the profile knows as success', () => {
    expect(judge(ending, judgement)).toEqual({
      verdict: 'passed',
      meaning: 'fine',
      diagnostics: [],
      guestCode: 16,
    })
  })

  it('takes a restart and a halt in order for a power-off, and an unannounced reset for a crash', () => {
    const reset = { status: 0, debugExit: false, shutdown: { guest: true, reason: 'guest-reset' } }
    const rules = { onPowerOff: 'passed' } as const
    expect(verdictOf(reset, rules)).toBe('crashed')
    expect(verdictOf({ ...reset, restarts: true }, rules)).toBe('passed')
    expect(verdictOf({ ...reset, restarts: true })).toBe('failed')
    expect(verdictOf({ ...reset, restarts: true, panicLine: 'Kernel panic' }, rules)).toBe('crashed')
    expect(verdictOf({ ...reset, shutdown: undefined, endedBy: 'halt' }, rules)).toBe('passed')
  })

  it('fails on a code that means failure, and on an unknown one', () => {
    expect(verdictOf({ status: 5 })).toBe('failed')
    expect(verdictOf({ status: 2 * 99 + 1 })).toBe('failed')
  })

  it('tells status 1 of a guest that wrote 0 from status 1 of a QEMU that refused', () => {
    expect(verdictOf({ status: 1 })).toBe('passed')
    expect(verdictOf({ status: 1, stderr: 'qemu-system-x86_64: cannot go on\n' })).toBe('machine-failed')
    expect(verdictOf({ status: 1, stderr: "qemu: multiboot knows VBE. we don't.\n", lastWords: '' })).toBe(
      'passed',
    )
    expect(verdictOf({ status: 1, started: false, stderr: 'qemu-system-x86_64: bad option\n' })).toBe(
      'machine-failed',
    )
  })

  it('takes a warning of QEMU for no failure', () => {
    expect(verdictOf({ status: 1, stderr: 'qemu-system-x86_64: warning: deprecated\n' })).toBe('passed')
    expect(verdictOf({ status: 1, stderr: 'qemu-system-x86_64: -cpu max: warning: no AVX\n' })).toBe('passed')
  })

  it('never passes a guest that did not run, however it ended and whatever QEMU returned', () => {
    for (const endedBy of [undefined, 'timeout', 'panic', 'close', 'shell-exit', 'shown', 'reset'] as const)
      for (const status of [0, 1, 33, null])
        expect(verdictOf({ started: false, endedBy, status, shellExit: 0 })).toBe('machine-failed')
  })

  it('says what is wrong by the first line that does, not by the last', () => {
    const stderr =
      'qemu: warning: slow\nqemu: -drive x: Failed to get "write" lock\nIs another process using the image?\n'
    const { meaning } = judge({ ...ending, started: false, status: 1, stderr }, judgement)
    expect(meaning).toBe('qemu: -drive x: Failed to get "write" lock')
  })

  it('takes QEMU’s warning about a guessed format for no cause', () => {
    // As 7.2 prints it with -hda.
    const stderr = `WARNING: Image format was not specified for 'i.img' and probing guessed raw.
         Automatically detecting the format is dangerous for raw images, write operations on block 0 will be restricted.
         Specify the 'raw' format explicitly to remove the restrictions.
qemu-system-x86_64: -device nonsense: 'nonsense' is not a valid device model name
`
    const { meaning } = judge({ ...ending, started: false, status: 1, stderr }, judgement)
    expect(meaning).toBe("qemu-system-x86_64: -device nonsense: 'nonsense' is not a valid device model name")
  })

  it('proves nothing by closing a guest', () => {
    expect(judge({ ...ending, status: 0, endedBy: 'close' }, judgement)).toEqual({
      verdict: 'interrupted',
      meaning: 'the guest was stopped before it ended',
      diagnostics: [],
    })
    expect(verdictOf({ status: 0, endedBy: 'close', panicLine: 'PANIC: x' })).toBe('crashed')
    expect(verdictOf({ status: 0, endedBy: 'close', guestPanicked: true })).toBe('crashed')
    expect(verdictOf({ status: 0, shutdown: { guest: false, reason: 'host-qmp-quit' } })).toBe('interrupted')
    // It ended itself before it could be stopped.
    const exitCodes = { 16: { verdict: 'failed', meaning: 'tests failed' } } as const
    expect(verdictOf({ status: 33, endedBy: 'close' }, { exitCodes })).toBe('failed')
    expect(verdictOf({ status: 35, endedBy: 'close' }, { exitCodes })).toBe('interrupted')
  })

  it('has no finding for a guest that its user ended on purpose', () => {
    expect(judge({ ...ending, status: 0, endedBy: 'user' }, judgement)).toEqual({
      verdict: 'interrupted',
      meaning: 'ended by you',
      diagnostics: [],
    })
  })

  it('passes on the text that was shown, and then on nothing else', () => {
    const rules = { passPatterns: ['ALL OK'], onPowerOff: 'passed' } as const
    const shutdown = { guest: true, reason: 'guest-shutdown' }
    const shown = { text: 'ALL OK', line: 7 }
    const passed = judge({ ...ending, endedBy: 'shown', shown }, { ...judgement, ...rules })
    expect(passed).toMatchObject({ verdict: 'passed', meaning: 'the console showed "ALL OK" in line 7' })
    // It crashed before it was gone.
    const ends = { endedBy: 'shown', shown } as const
    expect(verdictOf({ ...ends, tripleFault: true }, rules)).toBe('crashed')
    expect(verdictOf({ ...ends, panicLine: 'PANIC: x' }, rules)).toBe('crashed')
    // It ended itself at once, or its command did.
    expect(verdictOf({ shown, status: 0, shutdown }, rules)).toBe('passed')
    expect(verdictOf({ shown, status: 0, shutdown: { guest: true, reason: 'guest-reset' } }, rules)).toBe(
      'passed',
    )
    const exitCodes = { 16: { verdict: 'failed', meaning: 'tests failed' } } as const
    expect(verdictOf({ shown, status: 33 }, { ...rules, exitCodes })).toBe('failed')
    expect(verdictOf({ shown, status: 35 }, { ...rules, exitCodes })).toBe('passed')
    // With a command, a pass needs both.
    expect(verdictOf({ shown, status: 0, endedBy: 'shell-exit', shellExit: 3 }, rules)).toBe('failed')
    expect(verdictOf({ shown, status: 0, endedBy: 'shell-exit', shellExit: 0 }, rules)).toBe('passed')
    expect(verdictOf({ shown, status: 0, shutdown, unfinished: ['true'] }, rules)).toBe('failed')
    const late = judge(
      { ...ending, shown, endedBy: 'timeout', unfinished: ['server'] },
      { ...judgement, ...rules },
    )
    expect(late.diagnostics[0]).toMatchObject({
      code: 'GUEST_TIMED_OUT',
      remedy: expect.stringContaining('needs both'),
    })
    expect(verdictOf({}, rules)).toBe('failed')
    expect(verdictOf({ status: 0, shutdown }, rules)).toBe('failed')
    expect(verdictOf({ status: 0, endedBy: 'shell-exit', shellExit: 0 }, rules)).toBe('failed')
    expect(verdictOf({ status: 0, endedBy: 'timeout' }, rules)).toBe('timed-out')
    const { diagnostics, meaning } = judge(ending, { ...judgement, ...rules })
    expect(diagnostics[0]?.code).toBe('PASS_NOT_SHOWN')
    expect(meaning).toBe('fine, but the console never showed "ALL OK"')
  })

  it('crashes a guest that was seen to crash, however it ended', () => {
    for (const endedBy of ['timeout', 'shell-exit', 'close'] as const)
      expect(verdictOf({ endedBy, shellExit: 0, tripleFault: true })).toBe('crashed')
    expect(verdictOf({ status: 0, endedBy: 'reset' })).toBe('crashed')
  })

  it('fails the machine when QEMU stopped the guest', () => {
    const stopped = {
      status: 0,
      endedBy: 'stopped',
      stopReason: 'write error on disk d: No space left',
    } as const
    expect(judge({ ...ending, ...stopped }, judgement)).toMatchObject({
      verdict: 'machine-failed',
      meaning: 'QEMU stopped the guest: write error on disk d: No space left',
    })
  })

  it('never takes QEMU’s exit 0 for success by itself', () => {
    expect(verdictOf({ status: 0 })).toBe('machine-failed')
    expect(
      verdictOf({ status: 0, tripleFault: true, shutdown: { guest: true, reason: 'guest-reset' } }),
    ).toBe('crashed')
    expect(verdictOf({ status: 0, shutdown: { guest: false, reason: 'host-signal' } })).toBe('machine-failed')
  })

  it('lets the profile say what a power-off means', () => {
    const shutdown = { guest: true, reason: 'guest-shutdown' }
    expect(verdictOf({ status: 0, shutdown })).toBe('failed')
    expect(verdictOf({ status: 0, shutdown }, { onPowerOff: 'passed' })).toBe('passed')
  })

  it('calls a panic a crash even when the kernel then exits with a good code', () => {
    expect(verdictOf({ panicLine: 'PANIC: x' })).toBe('crashed')
    expect(verdictOf({ watchdogAction: 'reset' })).toBe('crashed')
    expect(verdictOf({ guestPanicked: true })).toBe('crashed')
    expect(verdictOf({ panicLine: 'PANIC: x', endedBy: 'shell-exit', shellExit: 0 })).toBe('crashed')
  })

  it('keeps time-outs and interruptions apart from what QEMU then returns', () => {
    expect(verdictOf({ endedBy: 'timeout', status: 0 })).toBe('timed-out')
    expect(verdictOf({ endedBy: 'interrupt', status: null, signal: 'SIGKILL' })).toBe('interrupted')
  })

  it('says what to do about a menu that waits', () => {
    const screen = ['   GNU GRUB  version 2.06', '  *My OS']
    const { diagnostics } = judge({ ...ending, endedBy: 'timeout', screen }, judgement)
    expect(diagnostics[0]?.remedy).toContain('set timeout=0')
  })

  it('speaks of no console line when a guest that timed out printed none', () => {
    const remedyOf = (consoleTail: readonly string[]) =>
      judge({ ...ending, status: 0, endedBy: 'timeout', consoleTail }, judgement).diagnostics[0]?.remedy
    expect(remedyOf(['last line'])).toContain('last console line')
    expect(remedyOf([])).toContain('console=ttyS0')
    expect(remedyOf([])).not.toContain('last console line')
  })

  it('blames QEMU for a signal from outside', () => {
    const { verdict, diagnostics } = judge(
      { ...ending, status: null, signal: 'SIGABRT', stderr: 'assertion failed\n' },
      judgement,
    )
    expect(verdict).toBe('machine-failed')
    expect(diagnostics[0]).toMatchObject({ code: 'QEMU_DIED', evidence: ['assertion failed', 'last line'] })
  })

  it('returns the code of the command that ran in the guest', () => {
    expect(judge({ ...ending, status: 0, endedBy: 'shell-exit', shellExit: 7 }, judgement)).toMatchObject({
      verdict: 'failed',
      guestCode: 7,
    })
  })

  it('does not pass a guest that ended before the command of the run, unless the command is to end it', () => {
    const off: Ending = { ...ending, status: 0, shutdown: { guest: true, reason: 'guest-shutdown' } }
    const kind = { ...judgement, onPowerOff: 'passed' } as const
    const of = (unfinished: readonly string[], more: Partial<Ending> = {}) =>
      judge({ ...off, unfinished, ...more }, kind)
    expect(of(['sh', '-c', './test; poweroff -f'])).toMatchObject({
      verdict: 'failed',
      meaning: 'the guest powered off before the command ended',
      diagnostics: [{ code: 'COMMAND_NOT_ENDED' }],
    })
    const restart = { shutdown: { guest: true, reason: 'guest-reset' }, restarts: true }
    expect(of(['./test'], restart).verdict).toBe('failed')
    expect(of(['/sbin/poweroff', '-f']).verdict).toBe('passed')
    expect(of(['systemctl', 'reboot'], restart).verdict).toBe('passed')
    expect(judge(off, kind).verdict).toBe('passed')
  })

  it('judges a guest that powers off after the command by the code of the command', () => {
    const off: Ending = { ...ending, status: 0, shutdown: { guest: true, reason: 'guest-shutdown' } }
    const of = (shellExit: number) => judge({ ...off, shellExit }, { ...judgement, onPowerOff: 'passed' })
    expect(of(5)).toMatchObject({ verdict: 'failed', guestCode: 5, meaning: 'the command returned 5' })
    expect(of(0)).toMatchObject({ verdict: 'passed', guestCode: 0 })
  })

  it('judges a guest that powers off with the shell on its console by the code of the shell', () => {
    const rules: Judgement = { ...judgement, onPowerOff: 'passed' }
    const shell: Ending = { ...ending, status: 0, consoleExit: 7 }
    expect(judge({ ...shell, shutdown: { guest: true, reason: 'guest-shutdown' } }, rules)).toMatchObject({
      verdict: 'failed',
      guestCode: 7,
      meaning: 'the shell returned 7',
      diagnostics: [{ code: 'GUEST_FAILED' }],
    })
    expect(judge({ ...shell, endedBy: 'timeout' }, rules).verdict).toBe('timed-out')
  })

  it('does not read a debug exit where the machine has none', () => {
    expect(verdictOf({ debugExit: false })).toBe('machine-failed')
  })
})
