/** Builds the guest's agent (`agent/*.c`) with the system's C compiler, once per content of its sources. */
import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { PACKAGE_FOLDER } from '../../../package-folder.ts'
import { fill } from '../../../processes/fill.ts'
import { problems as probeProblems } from '../../probe-build.ts'

export const problems = defineDiagnostics({
  LINUX_AGENT_BUILD_FAILED: {
    title: 'The agent for Linux guests did not compile.',
    why: 'it is the first process of the guest: it loads modules and runs commands',
    remedy: 'try another compiler by CC=…; the compiler’s own words are below',
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

/** Hash of what the agent is built from: part of the name of everything that holds it. */
export function agentIdentity(): string {
  const hash = createHash('sha256').update(JSON.stringify([process.env.CC, FLAGS]))
  for (const name of readdirSync(SOURCE_FOLDER).sort())
    hash.update(`\0${name}\0`).update(readFileSync(join(SOURCE_FOLDER, name)))
  return hash.digest('hex').slice(0, 24)
}

/**
 * The agent, a static program.
 *
 * @throws BringupError COMPILER_MISSING, LINUX_AGENT_BUILD_FAILED
 */
export async function buildAgent(folder: string, signal: AbortSignal): Promise<Buffer> {
  const path = join(folder, 'agents', agentIdentity())
  const compiler = process.env.CC ?? 'cc'
  const sources = readdirSync(SOURCE_FOLDER)
    .filter((name) => name.endsWith('.c'))
    .sort()
  const make = async (partial: string, environment: Readonly<Record<string, string>>) => {
    const result = await execa(compiler, [...FLAGS, '-o', partial, ...sources], {
      cwd: SOURCE_FOLDER,
      reject: false,
      cancelSignal: signal,
      env: environment,
    })
    signal.throwIfAborted()
    if (result.code === 'ENOENT')
      throw new BringupError([probeProblems.COMPILER_MISSING.at('', `there is no "${compiler}" in PATH`)])
    if (result.failed) {
      const what = `${compiler} ended with ${result.exitCode ?? result.signal}`
      throw new BringupError([
        problems.LINUX_AGENT_BUILD_FAILED.at('', what, { evidence: result.stderr.split('\n').slice(-30) }),
      ])
    }
  }
  await fill({ path, signal, make })
  return readFileSync(path)
}
