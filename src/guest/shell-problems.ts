/** What can go wrong with commands and files in a guest. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { LARGEST_REQUEST } from './shell-frames.ts'

export const problems = defineDiagnostics({
  SHELL_ENDED: {
    title: 'The guest or its command channel ended before the command did.',
    why: 'the machine ended or was reset, so the command has no result',
    remedy:
      'read the end of the console log of the run: a panic, a power-off or an error of QEMU explains it',
  },
  GUEST_TERMINAL_FAILED: {
    title: 'The guest could not open a terminal for a command.',
    why: 'the kernel of the guest refused it; terminals need devpts at /dev/pts',
    remedy:
      'mount devpts in the guest, or run the command without a terminal: append `| cat` to the command line',
  },
  SHELL_TIMEOUT: {
    title: 'A command in the guest did not end in time.',
    why: 'its deadline passed; the command was killed, and the guest is still running',
    remedy: 'raise timeoutMs, or find what the command waits for',
  },
  SHELL_REQUEST_TOO_LONG: {
    title: 'A command line with its environment is too long for the command channel.',
    why: `a request holds at most ${LARGEST_REQUEST / 1024} KiB`,
    remedy: 'pass long data by stdin or by a file in the guest',
  },
  SHELL_OUTPUT_TOO_LONG: {
    title: 'A command in the guest printed too much output, or a file there is too large to read.',
    why: 'output and files are kept in memory; a guest could fill it otherwise',
    remedy:
      'read the output piece by piece with onStdout, print less, or copy the file over a disk or the network',
  },
  GUEST_NOT_RENEWED: {
    title: 'The agent of a guest could not set its clock or its random numbers.',
    why: 'a restored guest has the clock and the random numbers of the time at which it was saved',
    remedy: 'run with --fresh to boot',
    source: 'random(4), clock_settime(2)',
  },
  GUEST_FILE_FAILED: {
    title: 'A file of the guest could not be read or written.',
    why: 'the guest’s kernel refused it',
    remedy: 'check the path and the space left in the guest',
  },
})

/** For requests on a channel that is gone. */
export function lost(why: string): BringupError {
  return new BringupError([problems.SHELL_ENDED.at('', `the command channel is gone: ${why}`)])
}
