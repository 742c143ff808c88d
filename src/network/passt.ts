/**
 * passt: a way out for one card. It takes the frames of one QEMU from a descriptor, and makes ordinary sockets of this user
 * of what the guest sends: no root, no bridge. It ends when its end of the socket pair closes, and so with QEMU.
 */
import { spawn } from 'node:child_process'
import type { Duplex } from 'node:stream'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  NETWORK_PASST_MISSING: {
    title: 'passt could not be started.',
    why: 'a card on the network "passt" reaches other machines through that program',
    remedy: 'install it (Debian, Ubuntu: apt install passt), or set network to "user"',
    source: 'passt(1)',
  },
  NETWORK_PASST_ENDED: {
    title: 'passt ended while a guest used it.',
    why: 'the guest reached no other machine from then on',
    remedy: 'the evidence is what passt printed; network "user" needs no other program',
    source: 'passt(1)',
  },
})

/** One passt, for one card. */
export interface Passt {
  /** What QEMU inherits. */
  readonly end: Duplex
  /** To be called once QEMU has been spawned. */
  release(): void
  /** Resolves when it has gone, with what was wrong. */
  readonly ended: Promise<Diagnostic | undefined>
  kill(): void
}

/** The end of the socket pair in passt. */
const FD = 3

/**
 * Starts passt for a card.
 *
 * @param card what findings call it: `server/out`
 * @throws BringupError NETWORK_PASST_MISSING
 */
export async function startPasst(card: string): Promise<Passt> {
  const child = spawn('passt', ['--foreground', '--quiet', '--stderr', '--fd', `${FD}`], {
    stdio: ['ignore', 'ignore', 'pipe', 'pipe'],
    // Ctrl-C on the terminal is for the process that has started it.
    detached: true,
  })
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-16_384)
  })
  const end = child.stdio[FD] as Duplex
  end.on('error', () => {})
  const ended = new Promise<Diagnostic | undefined>((resolve) => {
    child.once('exit', (status, signal) => {
      // It ends with 0 when QEMU has closed the connection.
      if (status === 0) return resolve(undefined)
      const what = `passt of card ${card} ended with ${signal ?? status}`
      resolve(problems.NETWORK_PASST_ENDED.at('', what, { evidence: said.trimEnd().split('\n') }))
    })
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', (error) => {
      const what = `passt of card ${card} could not be started: ${error.message}`
      reject(new BringupError([problems.NETWORK_PASST_MISSING.at('', what)]))
    })
  })
  return { end, release: () => void end.destroy(), ended, kill: () => void child.kill('SIGKILL') }
}
