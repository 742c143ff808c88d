/** A network namespace that lasts as long as one process, which ends when bringup does, however that ends. */
import { type ChildProcess, spawn } from 'node:child_process'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { startTimeOf } from '../../host/process-start.ts'
import type { Place } from './place.ts'

export const problems = defineDiagnostics({
  NETWORK_NAMESPACE_REFUSED: {
    title: 'The kernel refused a network namespace for the run.',
    why: 'host networks lie in a network namespace of the run’s own; without root it needs a user namespace, which some distributions refuse to ordinary users',
    remedy:
      'let this user make user namespaces (`sudo sysctl kernel.apparmor_restrict_unprivileged_userns=0` on Ubuntu, `sudo sysctl kernel.unprivileged_userns_clone=1` on old Debian), run as root, or omit `host`: a private network needs neither',
    source: 'user_namespaces(7), network_namespaces(7)',
  },
})

/** Disposing of it ends the namespace once nothing is in it any more. */
export interface Namespace extends AsyncDisposable {
  readonly place: Place
  /** Resolves when it has gone. */
  readonly ended: Promise<void>
}

/**
 * Makes the namespace: `cat` in it answers, and ends at the end of its input, which the kernel closes with bringup.
 *
 * @throws BringupError NETWORK_NAMESPACE_REFUSED
 */
export async function openNamespace(): Promise<Namespace> {
  const child = spawn('unshare', ['--user', '--map-root-user', '--net', '--', 'cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Ctrl-C on the terminal is for bringup to hear.
    detached: true,
    cwd: '/',
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  const ended = new Promise<void>((resolve) => {
    child.once('close', () => resolve())
    child.once('error', () => resolve())
  })
  for (const stream of [child.stdin, child.stdout, child.stderr]) stream.on('error', () => {})
  await answerOf(child)
  return {
    place: { pid: child.pid ?? -1, beganAt: startTimeOf(child.pid ?? -1) },
    ended,
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await ended
    },
  }
}

/** An echo shows that the namespaces are made. */
function answerOf(child: ChildProcess): Promise<void> {
  let said = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    said = (said + text).slice(-4096)
  })
  return new Promise((resolve, reject) => {
    child.stdout?.once('data', () => resolve())
    const refuse = (what: string) =>
      reject(new BringupError([problems.NETWORK_NAMESPACE_REFUSED.at('', what, { evidence: lines(said) })]))
    child.once('error', (error) => refuse(`unshare could not be started: ${error.message}`))
    child.once('close', (status, signal) =>
      refuse(lines(said).at(-1) ?? `unshare ended with ${signal ?? status}`),
    )
    child.stdin?.write('.\n')
  })
}

const lines = (text: string) => text.split('\n').filter((line) => line !== '')
