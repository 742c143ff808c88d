/** Findings about how a guest ended. */
import { defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  GUEST_FAILED: {
    title: 'The guest ended with a code that means failure.',
    why: 'the guest reported a failure',
    remedy: 'read the console log of the run: `bringup runs show`',
  },
  GUEST_CODE_UNKNOWN: {
    title: 'The guest ended with an exit code of unknown meaning.',
    why: 'only a code that is known as success is a pass',
    remedy:
      "give the code a meaning in bringup.config: kernel: { image: '…', exitCodes: { CODE: 'passed' } }, or in the profile's `judgement.exitCodes`",
  },
  COMMAND_NOT_ENDED: {
    title: 'The guest ended before the command of the run.',
    why: 'only the exit code of the command says that it passed',
    remedy:
      'let the command end: the guest ends with it; to test the end itself, make `poweroff` or `reboot` the command',
  },
  PASS_NOT_SHOWN: {
    title: 'The guest ended before its console or its screen showed the text that means success.',
    why: 'with --until, --until-regex or `passPatterns`, only that text on the console or on the screen is a pass',
    remedy: 'compare the last lines of console and screen with the text, or correct the pattern',
  },
  GUEST_CRASHED: {
    title:
      'The guest triple-faulted, panicked, was reset by its watchdog, or reset or powered off unexpectedly.',
    why: 'a crashed guest reports no exit code',
    remedy: 'read the last console lines; `qemu.log` in the run folder has the CPU state at each reset',
  },
  GUEST_HALTED: {
    title: 'The guest halted all its CPUs with interrupts off, and did not say how it went.',
    why: 'nothing can wake such a guest, and only a proof of success is a pass',
    remedy:
      'name the text that proves success: --until TEXT, or `passPatterns` in the config; or end the kernel by a power-off or isa-debug-exit',
  },
  GUEST_TIMED_OUT: {
    title: 'The guest was still running at the deadline.',
    why: 'there was no exit, reset or power-off in time; bringup cannot distinguish a hang from a slow guest',
    remedy: 'raise `timeout` (or --timeout), or find what the guest waits for after its last console line',
  },
  QEMU_REFUSED: {
    title: 'QEMU ended before the guest started.',
    why: 'QEMU did not accept the machine; its output is the evidence',
    remedy:
      'correct the description according to QEMU’s message; if bringup should have found this, report it with `bringup plan --json`',
  },
  QEMU_DIED: {
    title: 'QEMU ended while the guest ran, for a reason outside the guest.',
    why: 'an abort, an internal error or a signal from outside says nothing about the guest',
    remedy:
      'read `qemu.log` and `stderr.log` in the run folder; out of memory shows in the host’s kernel log',
  },
  QEMU_STOPPED: {
    title: 'QEMU stopped the guest because of an error of the host.',
    why: 'a guest whose disk cannot be written, or whose CPU cannot be emulated, would wait forever',
    remedy: 'free space where the disk images are, or read `stderr.log` in the run folder; then run it again',
    source: 'QMP BLOCK_IO_ERROR, STOP; query-status: io-error, internal-error',
  },
  RUN_INTERRUPTED: {
    severity: 'note',
    title: 'The run was ended by a signal or by the program that started it.',
    why: 'the guest had not ended yet',
    remedy: 'the console log up to here is in the run folder: `bringup runs show last --console`',
  },
})
