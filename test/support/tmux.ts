/** A shell in a terminal of 80x24, driven by events: what is typed, and what the screen shows. Source: tmux(1). */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { startTimer } from '../../src/timer.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))

export interface Terminal extends AsyncDisposable {
  /** Where the shell starts. */
  readonly folder: string
  /** Runs a command of tmux. */
  readonly tmux: (...words: readonly string[]) => Promise<string>
  /** Types a line into the shell. */
  readonly type: (line: string) => Promise<void>
  /** Types a command line of bringup. */
  readonly bringup: (words: string) => Promise<void>
  /** Resolves with the screen once it shows the text. */
  readonly shows: (pattern: RegExp) => Promise<string>
}

/** The prompt of the shell is `host> `. */
export async function openTerminal(env: Readonly<Record<string, string>> = {}): Promise<Terminal> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-terminal-'))
  const tmux = async (...words: readonly string[]) =>
    (await execa('tmux', ['-S', join(folder, 'tmux'), ...words])).stdout
  const shows = async (pattern: RegExp) => {
    let isLate = false
    const timer = startTimer(300_000, () => {
      isLate = true
    })
    try {
      // tmux reports no changes, so the screen is read again as soon as tmux has answered.
      for (;;) {
        const screen = (await tmux('capture-pane', '-p')).trimEnd()
        if (pattern.test(screen)) return screen
        if (isLate) throw new Error(`no ${pattern} on the screen:\n${screen}`)
      }
    } finally {
      timer.clear()
    }
  }
  const type = async (line: string) => {
    await tmux('send-keys', '-l', line)
    await tmux('send-keys', 'Enter')
  }
  const variables = Object.entries({ PS1: 'host> ', HISTFILE: '', ...env }).map(([k, v]) => `${k}=${v}`)
  const shell = ['env', ...variables, 'bash', '--norc', '--noprofile']
  await tmux('-f', '/dev/null', 'new-session', '-d', '-x', '80', '-y', '24', '-c', folder, ...shell)
  await shows(/host>$/)
  return {
    folder,
    tmux,
    type,
    bringup: (words) => type(`${process.execPath} ${BIN} ${words}`),
    shows,
    async [Symbol.asyncDispose]() {
      await tmux('kill-server').catch(() => {})
      rmSync(folder, { recursive: true, force: true })
    },
  }
}
