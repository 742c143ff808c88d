/**
 * Standard output and error that may fail: the reader has gone (`bringup runs | head -1`), or the disk is full. Neither
 * ends what bringup does: a run continues, is recorded, and returns its own exit code.
 */
import { writeSync } from 'node:fs'

/** `EX_IOERR` of sysexits.h: the output could not be written. Only in place of 0. */
const OUTPUT_LOST = 74

/** Keeps errors of both streams from ending this process; says at its end what of the output is missing. */
export function surviveLostOutput(
  { stdout, stderr }: Pick<NodeJS.Process, 'stdout' | 'stderr'>,
  atExit: (listener: (code: number) => void) => void,
): void {
  // Errors cannot be told where they cannot be written.
  survive(stderr)
  const lost = survive(stdout)
  atExit((code) => {
    const error = lost()
    // A reader that has gone wants no more.
    if (!error || error.code === 'EPIPE') return
    const what = `standard output could not be written: ${error.message}`
    say(
      `error OUTPUT_LOST\n  ${what}\n  why    the rest of the result is missing\n  remedy write it where there is room; the record of a run has it too: bringup runs show last\n`,
    )
    if (code === 0) process.exitCode = OUTPUT_LOST
  })
}

function survive(stream: NodeJS.WriteStream): () => NodeJS.ErrnoException | undefined {
  let lost: NodeJS.ErrnoException | undefined
  stream.on('error', (error: NodeJS.ErrnoException) => {
    lost ??= error
  })
  return () => lost
}

function say(text: string): void {
  try {
    writeSync(2, text)
  } catch {
    // There is no stream left to report on.
  }
}
