/**
 * A process beside a build that outlives bringup by a moment: it holds the project's build lock, and kills what a build
 * has started when bringup itself is killed. PR_SET_PDEATHSIG reaches only the tool that bringup started; the compilers
 * below that tool are in its process group, which this process knows.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { createInterface } from 'node:readline'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { lockHolder } from '../host/file-locks.ts'

export const problems = defineDiagnostics({
  BUILD_NOT_LOCKED: {
    title: 'The lock of the project’s builds could not be taken.',
    why: 'two builds at once in one project would write to the same files',
    remedy:
      'let this user write to the project’s folder, or keep state elsewhere with --state; flock(1) has to be there',
    source: 'flock(1)',
  },
})

/** Disposing of it ends it; the lock is free then. */
export interface Guardian extends AsyncDisposable {
  /** From now on that process group dies with bringup. */
  watch(group: number): void
  /** That process group has ended. */
  release(group: number): void
}

/** Its standard input ends when bringup does, however bringup ends. */
const PROGRAM = `
const groups = new Set()
let rest = ''
process.stdout.write('locked\\n')
process.stdin.setEncoding('utf8')
process.stdin.on('data', (text) => {
  const lines = (rest + text).split('\\n')
  rest = lines.pop()
  for (const line of lines)
    if (line[0] === '+') groups.add(Number(line.slice(1)))
    else groups.delete(Number(line.slice(1)))
})
process.stdin.on('end', () => {
  for (const group of groups)
    try { process.kill(-group, 'SIGKILL') } catch {}
})
`

/**
 * Takes the lock, waiting for a build that holds it.
 *
 * @param onWait Told once, with who holds the lock, when it has to be waited for.
 * @throws BringupError BUILD_NOT_LOCKED; the reason of `signal` when that is aborted while waiting
 */
export async function startGuardian(
  lockFile: string,
  { signal, onWait }: { readonly signal: AbortSignal; readonly onWait: (holder: string) => void },
): Promise<Guardian> {
  signal.throwIfAborted()
  mkdirSync(dirname(lockFile), { recursive: true })
  const holder = lockHolder(lockFile)
  if (holder) onWait(`process ${holder.pid} (${holder.command})`)
  const child = spawn('flock', ['--no-fork', lockFile, process.execPath, '-e', PROGRAM], {
    stdio: ['pipe', 'pipe', 'pipe'],
    // Neither Ctrl-C nor a hang-up of the terminal may end it before it has done its work.
    detached: true,
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
  })
  child.stdin.on('error', () => {})
  await locked(child, signal)
  return {
    watch: (group) => void child.stdin.write(`+${group}\n`),
    release: (group) => void child.stdin.write(`-${group}\n`),
    async [Symbol.asyncDispose]() {
      const ended = new Promise((resolve) => child.once('close', resolve))
      child.stdin.end()
      await ended
    },
  }
}

function locked(child: ChildProcess, signal: AbortSignal): Promise<void> {
  let stderr = ''
  child.stderr?.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  return new Promise((resolve, reject) => {
    const giveUp = () => {
      child.kill('SIGKILL')
      reject(signal.reason)
    }
    signal.addEventListener('abort', giveUp, { once: true })
    const refuse = (why: string) => reject(new BringupError([problems.BUILD_NOT_LOCKED.at('', why)]))
    child.once('error', (error) => refuse(`flock could not be started: ${error.message}`))
    child.once('close', (status) => refuse(stderr.trim() || `flock ended with ${status}`))
    if (child.stdout)
      createInterface({ input: child.stdout }).once('line', () => {
        signal.removeEventListener('abort', giveUp)
        resolve()
      })
  })
}
