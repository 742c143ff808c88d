/** Runs the programs that make the image of a Debian system. Their own words are the evidence when one fails. */
import { execa } from 'execa'
import { BringupError, defineDiagnostics } from '../../../diagnostics.ts'
import { findProgram } from '../../../host/tools.ts'
import type { RunTool } from '../../images/fat.ts'

export const problems = defineDiagnostics({
  DEBIAN_TOOL_MISSING: {
    title: 'A program that makes Debian images is not installed.',
    why: 'tools of this computer create the root file system and the file systems on the disk',
    remedy:
      'install the packages in the message; on other distributions than Debian 12 also mmdebstrap, apt and Debian’s keys',
  },
  DEBIAN_NO_NAMESPACE: {
    title: 'This user may not create the namespaces that a Debian image needs.',
    why: 'files of a system belong to many users; only root, or a user with ids of his own in a user namespace, can make them',
    remedy:
      'run it once as root; or as root: apt-get install uidmap, then usermod --add-subuids 100000-165535 --add-subgids 100000-165535 USER',
    source: 'unshare(1), user_namespaces(7), subuid(5)',
  },
  DEBIAN_BUILD_FAILED: {
    title: 'A Debian image could not be created.',
    why: 'the incomplete image was deleted',
    remedy:
      'read the tool’s output below; common causes are a package or suite that the mirror does not have, no network, or no space in the cache folder',
  },
})

/** The Debian and Ubuntu packages of the programs that are used. */
const PACKAGES = {
  mmdebstrap: 'mmdebstrap',
  mke2fs: 'e2fsprogs',
  mformat: 'mtools',
  mmd: 'mtools',
  mcopy: 'mtools',
  tar: 'tar',
  unshare: 'util-linux',
  setpriv: 'util-linux',
} as const

/**
 * Says all that is missing of the programs that make an image.
 *
 * @throws BringupError DEBIAN_TOOL_MISSING
 */
export function requireTools(): void {
  const missing = Object.entries(PACKAGES).filter(([tool]) => findProgram(tool) === undefined)
  if (missing.length === 0) return
  const install = ['apt-get', 'install', ...new Set(missing.map(([, name]) => name))].join(' ')
  const what = `there is no ${missing.map(([tool]) => tool).join(', ')} in PATH`
  throw new BringupError([
    problems.DEBIAN_TOOL_MISSING.at('', what, { remedy: `as root, on Debian and Ubuntu: ${install}` }),
  ])
}

/** A way to run programs that ends them with `signal`; `within` are programs that run them. */
export function toolRunner(signal: AbortSignal, within: readonly string[] = []): RunTool {
  return async (argv, env) => {
    const [tool, ...args] = argv
    const [program = '', ...rest] = [...within, findProgram(tool) ?? tool, ...args]
    const result = await execa(program, rest, {
      env: { ...env },
      reject: false,
      cancelSignal: signal,
      // unshare passes no other signal on.
      killSignal: 'SIGKILL',
      stdin: 'ignore',
    })
    signal.throwIfAborted()
    return { exitCode: result.exitCode ?? 1, output: `${result.stdout ?? ''}\n${result.stderr ?? ''}` }
  }
}

/**
 * Runs a program that must succeed.
 *
 * @throws BringupError DEBIAN_BUILD_FAILED, DEBIAN_NO_NAMESPACE
 */
export async function runOrThrow(run: RunTool, argv: readonly [string, ...string[]]): Promise<void> {
  const { exitCode, output } = await run(argv, { LC_ALL: 'C', DEBIAN_FRONTEND: 'noninteractive' })
  if (exitCode === 0) return
  const evidence = output.split('\n').filter((line) => line.trim() !== '')
  const what = `${argv[0]} ended with ${exitCode}`
  const isRefused = evidence[0]?.startsWith('unshare: ') === true
  throw new BringupError([
    isRefused
      ? problems.DEBIAN_NO_NAMESPACE.at('', evidence[0] ?? '')
      : problems.DEBIAN_BUILD_FAILED.at('', what, { evidence: evidence.slice(-30) }),
  ])
}
