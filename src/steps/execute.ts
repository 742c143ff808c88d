/** Runs a command of a step. Its output goes line by line to the progress display; its last lines become evidence. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { startGuard } from '../processes/guard.ts'
import { followFile } from './follow-file.ts'
import { formatCommand, type HostCommand, type RootPrefix, wordsOf } from './host-command.ts'

export const problems = defineDiagnostics({
  STEP_COMMAND_FAILED: {
    title: 'A command of a step failed.',
    why: 'the step is unfinished; its changes are in the journal and can be undone',
    remedy: 'read its output below; then run the same command again, or undo everything with `bringup undo`',
  },
  STEP_COMMAND_MISSING: {
    title: 'A program that a step needs is missing.',
    why: 'the step is unfinished',
    remedy: 'install the program, then run the same command again',
  },
})

const EVIDENCE_LINES = 30

export interface ExecuteContext {
  readonly prefix: RootPrefix
  readonly signal: AbortSignal
  readonly onLine: (line: string) => void
  /** Output of commands that outlive bringup goes through this file: a pipe would break with bringup, and they with it. */
  readonly logFile: string
}

/** @throws BringupError STEP_COMMAND_FAILED, STEP_COMMAND_MISSING; the signal's reason when aborted */
export async function execute(command: HostCommand, context: ExecuteContext): Promise<void> {
  const last: string[] = []
  const onLine = (line: string) => {
    last.push(line)
    if (last.length > EVIDENCE_LINES) last.shift()
    context.onLine(line)
  }
  const outlives = command.whenOrphaned === 'finish'
  const result = await (outlives ? runToItsEnd : runTied)(command, { ...context, onLine })
  context.signal.throwIfAborted()
  if (result.code === 'ENOENT' || last.some((l) => l.startsWith('setpriv: failed to execute')))
    throw new BringupError([problems.STEP_COMMAND_MISSING.at('', `there is no ${command.argv[0]} here`)])
  if (!result.failed || command.mayFail) return
  const shown = formatCommand(command, context.prefix).split('\n')[0] ?? ''
  const how = result.signal === undefined ? `code ${result.exitCode}` : result.signal
  throw new BringupError([
    problems.STEP_COMMAND_FAILED.at('', `\`${shown}\` ended with ${how}`, { evidence: last }),
  ])
}

interface Ended {
  readonly failed: boolean
  readonly code?: string
  readonly exitCode?: number
  readonly signal?: string
}

/**
 * `setpriv --pdeathsig` ties the command's life to bringup's. The kernel clears it where a program changes its user
 * (prctl(2)), so under sudo it stands behind sudo, and binds the command to that.
 */
async function runTied(command: HostCommand, context: ExecuteContext): Promise<Ended> {
  const { execa } = await import('execa')
  const tied = { ...command, argv: ['setpriv', '--pdeathsig', 'KILL', '--', ...command.argv] }
  const [program = '', ...args] = wordsOf(tied, context.prefix)
  // npm, cargo and pip start programs of their own, which the guard finds; root's commands are small ones.
  using guard = command.asRoot === true ? undefined : startGuard({ graceMs: 0 })
  const { env, ...others } = settings(command)
  const child = execa(program, args, {
    ...others,
    env: { ...env, ...guard?.environment },
    all: true,
    buffer: false,
    cancelSignal: context.signal,
  })
  for await (const line of child.iterable({ from: 'all' })) context.onLine(line)
  // Awaited here: output may end before the command does, and the guard is needed until then.
  return await child
}

/** Nothing interrupts it: not a signal to bringup's process group, not bringup's death. The operation stops after it. */
async function runToItsEnd(command: HostCommand, context: ExecuteContext): Promise<Ended> {
  const { execa } = await import('execa')
  // sudo knows by the terminal's session whether the password was given: it stays there, and the command leaves behind it.
  const asks = command.asRoot === true && context.prefix.join(' ') === 'sudo'
  const leaving = asks ? { ...command, argv: ['setsid', '--wait', ...command.argv] } : command
  const [program = '', ...args] = wordsOf(leaving, context.prefix)
  const output = { file: context.logFile, append: true } as const
  const log = followFile(context.logFile, context.onLine)
  try {
    return await execa(program, args, {
      ...settings(command),
      stdout: output,
      stderr: output,
      buffer: false,
      detached: !asks,
    })
  } finally {
    log.close()
  }
}

function settings(command: HostCommand) {
  const stdin = command.stdin ?? ''
  return {
    env: { LC_ALL: 'C', ...command.env },
    ...(command.cwd === undefined ? {} : { cwd: command.cwd }),
    input: typeof stdin === 'string' ? stdin : Buffer.from(stdin.base64, 'base64'),
    reject: false,
  } as const
}
