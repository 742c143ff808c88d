/** Holds a store while it is looked after, with the same lock that QEMU holds while a machine runs. */
import { spawn } from 'node:child_process'
import { BringupError } from '../diagnostics.ts'
import { heldFor, lockHolder } from '../host/file-locks.ts'
import { problems } from './problems.ts'

const CONFLICT = 77

/**
 * Takes the lock, or says who has it. The lock goes when it is disposed of, and with this process, however it ends.
 *
 * @param mode `shared` lets others read, and machines run that share the store
 * @throws BringupError STORE_IN_USE, STORE_OPERATION_FAILED
 */
export async function lockStore(path: string, mode: 'exclusive' | 'shared'): Promise<AsyncDisposable> {
  const options = ['--nonblock', '--no-fork', '--conflict-exit-code', `${CONFLICT}`, `--${mode}`]
  // `cat` ends when this process does, since its standard input then closes.
  const child = spawn('flock', [...options, path, 'cat'], {
    stdio: ['pipe', 'pipe', 'pipe'],
    env: { ...process.env, ...heldFor(process.pid) },
  })
  let words = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text
  })
  child.stdin.on('error', () => {})
  const gone = new Promise<number | Error | null>((resolve) => {
    child.once('error', resolve)
    child.once('close', resolve)
  })
  child.stdin.write('locked\n')
  const answer = await Promise.race([
    new Promise<'locked'>((resolve) => child.stdout.once('data', () => resolve('locked'))),
    gone,
  ])
  if (answer !== 'locked') throw new BringupError([refusal(path, answer, words)])
  return {
    async [Symbol.asyncDispose]() {
      child.stdin.end()
      await gone
    },
  }
}

function refusal(path: string, answer: number | Error | null, words: string) {
  if (answer !== CONFLICT)
    return problems.STORE_OPERATION_FAILED.at('', answer instanceof Error ? answer.message : words.trim())
  const holder = lockHolder(path)
  const who = holder && holder.pid > 0 ? `process ${holder.pid} (${holder.command})` : 'another process'
  return problems.STORE_IN_USE.at('', `${path} is held by ${who}`)
}
