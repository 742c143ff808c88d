/** Runs a program that helps to install a QEMU: it ends with this process, and its lines are kept. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  QEMU_TOOL_MISSING: {
    title: 'A program that installs a QEMU is missing.',
    why: 'packages are fetched by apt and unpacked by dpkg-deb',
    remedy:
      'install the program; on distributions other than Debian and Ubuntu build from source: `bringup qemu install 10.0 --from source`',
  },
})

export interface ToolContext {
  /** By which the guard finds it. */
  readonly environment: Readonly<Record<string, string>>
  readonly signal?: AbortSignal
  readonly onLine?: (line: string) => void
}

export interface ToolResult {
  /** Null when a signal ended it. */
  readonly status: number | null
  readonly lines: readonly string[]
}

/** @throws BringupError QEMU_TOOL_MISSING; the signal's reason when aborted */
export async function runTool(
  [program = '', ...args]: readonly string[],
  context: ToolContext & { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> },
): Promise<ToolResult> {
  const { execa } = await import('execa')
  const { environment, signal, onLine, cwd, env } = context
  const lines: string[] = []
  const child = execa('setpriv', ['--pdeathsig', 'KILL', '--', program, ...args], {
    all: true,
    buffer: false,
    reject: false,
    stdin: 'ignore',
    env: { LC_ALL: 'C', ...environment, ...env },
    ...(cwd === undefined ? {} : { cwd }),
    ...(signal ? { cancelSignal: signal } : {}),
  })
  for await (const line of child.iterable({ from: 'all' })) {
    lines.push(line)
    onLine?.(line)
  }
  const { exitCode } = await child
  signal?.throwIfAborted()
  if (exitCode === 127 && lines.some((line) => line.startsWith('setpriv: failed to execute')))
    throw toolMissing(program)
  return { status: exitCode ?? null, lines }
}

/** @param why What the program is for; default: apt and dpkg-deb */
export function toolMissing(program: string, why?: string): BringupError {
  const what = `${program} is missing`
  const more = why === undefined ? {} : { why, remedy: `install ${program}, then run this again` }
  return new BringupError([problems.QEMU_TOOL_MISSING.at('', what, more)])
}
