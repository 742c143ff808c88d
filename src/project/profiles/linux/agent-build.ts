/** Builds the guest's agent (`agent/*.c`) with the system's C compiler, once per content of its sources. */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { PACKAGE_FOLDER } from '../../../package-folder.ts'
import { CompileError, compiled, contentOf } from '../../../processes/compile.ts'
import { problems as probeProblems } from '../../probe-build.ts'

export const problems = defineDiagnostics({
  LINUX_AGENT_BUILD_FAILED: {
    title: 'The agent for Linux guests did not compile.',
    why: 'it is the first process of the guest: it loads modules and runs commands',
    remedy: 'try another compiler by CC=…; the compiler’s output is below',
  },
})

const SOURCE_FOLDER = join(PACKAGE_FOLDER, 'src/project/profiles/linux/agent')

const FLAGS = [
  ...[
    '-std=gnu11',
    '-Os',
    '-Wall',
    '-Wextra',
    '-ffreestanding',
    '-fno-stack-protector',
    '-fcf-protection=none',
  ],
  // Our memset must not be compiled into a call of itself.
  '-fno-builtin',
  ...[
    '-fno-asynchronous-unwind-tables',
    '-fno-pie',
    '-no-pie',
    '-static',
    '-nostdlib',
    '-Wl,--build-id=none',
    '-s',
  ],
]

const filesOf = (suffix: string) =>
  readdirSync(SOURCE_FOLDER)
    .filter((name) => name.endsWith(suffix))
    .sort()

const recipe = () => ({
  folder: SOURCE_FOLDER,
  sources: filesOf('.c'),
  headers: filesOf('.h'),
  flags: FLAGS,
})

/** Hash of what the agent is built from: part of the name of everything that holds it. */
export const agentIdentity = (): string => contentOf(recipe()).slice(0, 24)

/**
 * The agent, a static program.
 *
 * @throws BringupError COMPILER_MISSING, LINUX_AGENT_BUILD_FAILED
 */
export async function buildAgent(folder: string, signal: AbortSignal): Promise<Buffer> {
  try {
    return readFileSync(await compiled({ ...recipe(), cache: join(folder, 'agents'), signal }))
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    const { message: what, evidence, isMissing } = error
    throw new BringupError([
      isMissing
        ? probeProblems.COMPILER_MISSING.at('', what)
        : problems.LINUX_AGENT_BUILD_FAILED.at('', what, { evidence }),
    ])
  }
}
