/** The program that opens taps for QEMU, compiled where it is needed: Node cannot open one. */
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { PACKAGE_FOLDER } from '../../package-folder.ts'
import { CompileError, compiled } from '../../processes/compile.ts'

export const problems = defineDiagnostics({
  NETWORK_TAP_BUILD_FAILED: {
    title: 'The program that opens taps did not compile.',
    why: 'bringup compiles it on first use: a tap is opened by a system call that Node does not have',
    remedy:
      'install a C compiler (Debian, Ubuntu: apt install gcc libc6-dev), or set CC to another one; private networks need none',
  },
})

/** The end of a cable of a host network: a tap in the namespaces of a process. */
export interface TapEnd {
  /** Words that become the command behind them, which has the queues of the tap as descriptors from this number on. */
  words(firstFd: number): readonly string[]
  /** Queues, with a descriptor each. */
  readonly count: number
}

export function tapEnd(
  opener: string,
  { pid, tap, queues }: { readonly pid: number; readonly tap: string; readonly queues: number },
): TapEnd {
  const how = queues > 1 ? 'multi' : 'one'
  return {
    count: queues,
    words: (firstFd) => [
      opener,
      ...Array.from({ length: queues }, (_, queue) => [`${firstFd + queue}`, `${pid}`, tap, how]).flat(),
      '--',
    ],
  }
}

/** @throws BringupError NETWORK_TAP_BUILD_FAILED */
export async function buildTapOpener(cacheFolder: string, signal?: AbortSignal): Promise<string> {
  try {
    return await compiled({
      folder: join(PACKAGE_FOLDER, 'src/network/host'),
      sources: ['open-tap.c'],
      flags: ['-std=gnu11', '-O2', '-Wall', '-Wextra'],
      cache: join(cacheFolder, 'open-tap'),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    const { message: what, evidence } = error
    throw new BringupError([problems.NETWORK_TAP_BUILD_FAILED.at('', what, { evidence })])
  }
}
