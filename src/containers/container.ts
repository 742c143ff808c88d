/** A running build container: commands in it, and its end. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { type ContainerPlan, execCommand, keeperCommand, volumeCommands } from './run-args.ts'

export const problems = defineDiagnostics({
  CONTAINER_NOT_STARTED: {
    title: 'The container did not start.',
    why: 'the engine’s output is the evidence',
    remedy: 'fix the error below; `bringup container build --force-build` rebuilds the image',
  },
})

export interface ContainerCommand {
  readonly argv: readonly string[]
  /** Folder inside. Default: `/source`. */
  readonly cwd?: string
  readonly env?: Readonly<Record<string, string>>
}

/** Lives until it is disposed of, or until this process ends. */
export interface Container extends AsyncDisposable {
  readonly id: string
  /** Runs a command; its output goes to `onOutput`. Resolves to its exit code. Aborting ends it and its children. */
  run(
    command: ContainerCommand,
    control: { readonly onOutput: (chunk: Buffer) => void; readonly signal: AbortSignal },
  ): Promise<number | null>
  /** Runs a command on this terminal, or on whatever standard input and output are. Resolves to its exit code. */
  attach(command: ContainerCommand, isTerminal: boolean): Promise<number>
}

/** @throws BringupError CONTAINER_NOT_STARTED */
export async function startContainer(plan: ContainerPlan, signal: AbortSignal): Promise<Container> {
  for (const [program = '', ...args] of volumeCommands(plan))
    await execa(program, args, { cancelSignal: signal, stdout: 'ignore' })
  const folder = mkdtempSync(join(tmpdir(), 'bringup-container-'))
  try {
    return await start(plan, join(folder, 'id'), signal)
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function start(plan: ContainerPlan, idFile: string, signal: AbortSignal): Promise<Container> {
  const [program = '', run = '', ...args] = keeperCommand(plan)
  const keeper = spawn(program, [run, `--cidfile=${idFile}`, ...args], { stdio: ['pipe', 'pipe', 'pipe'] })
  keeper.stdin.on('error', () => {})
  let words = ''
  keeper.stderr.setEncoding('utf8').on('data', (text: string) => {
    words += text
  })
  const ended = once(keeper, 'close')
  const abort = () => void keeper.stdin.end()
  signal.addEventListener('abort', abort, { once: true })
  // What cat says back is the sign that the container runs.
  keeper.stdin.write('running\n')
  const isRunning = await Promise.race([
    once(keeper.stdout, 'data').then(() => true),
    ended.then(() => false),
  ])
  signal.throwIfAborted()
  if (!isRunning) {
    const evidence = words.split('\n').filter(Boolean).slice(-10)
    throw new BringupError([
      problems.CONTAINER_NOT_STARTED.at('', `${program} run ended with code ${keeper.exitCode}`, {
        evidence,
      }),
    ])
  }
  return running(plan, readFileSync(idFile, 'utf8').trim(), keeper, ended, () =>
    signal.removeEventListener('abort', abort),
  )
}

function running(
  plan: ContainerPlan,
  id: string,
  keeper: ChildProcess,
  ended: Promise<unknown>,
  release: () => void,
): Container {
  const words = (command: ContainerCommand, how: { isInteractive?: boolean; isTerminal?: boolean } = {}) =>
    execCommand(plan, id, { cwd: '/source', ...command, ...how })
  return {
    id,
    run: async (command, { onOutput, signal }) => {
      const [program = '', ...args] = words(command)
      const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
      child.stdout.on('data', onOutput)
      child.stderr.on('data', onOutput)
      // The engine's client does not hand signals on to a command without a terminal: the whole container ends.
      const abort = () => void keeper.stdin?.end()
      signal.addEventListener('abort', abort, { once: true })
      const [code] = (await once(child, 'close')) as [number | null]
      signal.removeEventListener('abort', abort)
      return code
    },
    attach: async (command, isTerminal) => {
      const [program = '', ...args] = words(command, { isInteractive: true, isTerminal })
      const child = spawn(program, args, { stdio: 'inherit' })
      const [code, signal] = (await once(child, 'close')) as [number | null, string | null]
      return code ?? (signal === null ? 1 : 130)
    },
    async [Symbol.asyncDispose]() {
      release()
      keeper.stdin?.end()
      await ended
    },
  }
}
