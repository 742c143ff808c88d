/**
 * Ends git when bringup is killed. git starts helpers of its own (for HTTPS, SSH, unpacking, submodules), and a signal on
 * the parent's death reaches only the first of them; so each git is a process group, and a guard outside holds the list.
 */
import { type ChildProcess, spawn } from 'node:child_process'

/**
 * The guard's program: reads `+PGID` and `-PGID` lines, and when bringup's end of the pipe closes, asks those left to end
 * (git then deletes its temporary files and locks), and a second later kills them.
 */
const PROGRAM = `
const groups = new Set()
const end = (signal) => { for (const g of groups) try { process.kill(-g, signal) } catch { groups.delete(g) } }
let text = ''
process.stdin.setEncoding('utf8').on('data', (chunk) => {
  const lines = (text + chunk).split('\\n')
  text = lines.pop()
  for (const line of lines) line[0] === '+' ? groups.add(+line.slice(1)) : groups.delete(+line.slice(1))
}).on('end', () => {
  end('SIGTERM')
  if (groups.size > 0) setTimeout(end, 1000, 'SIGKILL')
})`

export interface GitGuard extends Disposable {
  readonly add: (group: number) => void
  readonly remove: (group: number) => void
}

/** Starts when the first git does, and ends with bringup or when it is disposed of. */
export function createGuard(): GitGuard {
  let guard: ChildProcess | undefined
  const tell = (words: string) => {
    if (guard === undefined) {
      guard = spawn(process.execPath, ['-e', PROGRAM], {
        stdio: ['pipe', 'ignore', 'ignore'],
        detached: true,
        env: {},
        cwd: '/',
      })
      guard.stdin?.on('error', () => {})
      guard.on('error', () => {})
      guard.unref()
    }
    guard.stdin?.write(`${words}\n`)
  }
  return {
    add: (group) => tell(`+${group}`),
    remove: (group) => tell(`-${group}`),
    [Symbol.dispose]: () => void guard?.stdin?.end(),
  }
}
