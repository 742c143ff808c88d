/** The server of shared memory with interrupts, as a service: `ivshmem-server` of QEMU if it is installed, else bringup's own. */
import { join } from 'node:path'
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { findProgram } from '../../host/tools.ts'
import type { SharedMemory } from '../../machine/devices/ivshmem-schema.ts'
import { PACKAGE_FOLDER } from '../../package-folder.ts'
import { CompileError, compiled } from '../../processes/compile.ts'
import { parseService, type ServiceSpec } from '../service.ts'

export const problems = defineDiagnostics({
  IVSHMEM_SERVER_BUILD_FAILED: {
    title: 'The server of shared memory did not compile.',
    why: 'guests get the memory and each other’s interrupts from a server; bringup compiles its own where `ivshmem-server` is not in PATH',
    remedy:
      'install a C compiler (Debian, Ubuntu: apt install gcc libc6-dev), set CC to another one, or put `ivshmem-server` of QEMU into PATH',
  },
})

/** Socket of the server in the private folder of its service. */
export const SERVER_SOCKET = 'socket'

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra']

export interface ServerContext {
  readonly cacheFolder: string
  readonly signal?: AbortSignal
}

/**
 * The service that serves one memory.
 *
 * @throws BringupError IVSHMEM_SERVER_BUILD_FAILED
 */
export async function ivshmemService(
  name: string,
  memory: SharedMemory,
  context: ServerContext,
): Promise<ServiceSpec> {
  const found = isPlain(memory) ? findProgram('ivshmem-server') : undefined
  const argv =
    found === undefined
      ? ([await buildServer(context), ...ownWords(memory)] as const)
      : ([found, ...wordsOfQemu(memory)] as const)
  return parseService({ name, argv: [...argv], ready: { path: `{folder}/${SERVER_SOCKET}` } })
}

/** QEMU's server makes its own memory, without a say in where it lies. */
const isPlain = ({ file, hugePages, hostNodes }: SharedMemory) =>
  file === undefined && hugePages === undefined && hostNodes === undefined

/** In the foreground, with memory in a file that has lost its name already (contrib/ivshmem-server/main.c). */
function wordsOfQemu({ size, vectors = 1 }: SharedMemory): readonly string[] {
  return [
    '-F',
    '-v',
    '-S',
    `{folder}/${SERVER_SOCKET}`,
    '-m',
    '/dev/shm',
    '-l',
    `${size}`,
    '-n',
    `${vectors}`,
  ]
}

function ownWords({
  size,
  vectors = 1,
  file,
  hugePages,
  hostNodes,
  policy,
}: SharedMemory): readonly string[] {
  return [
    `{folder}/${SERVER_SOCKET}`,
    `${size}`,
    `${vectors}`,
    ...(file === undefined ? [] : [`file=${file}`]),
    ...(hugePages === undefined ? [] : [`huge=${hugePages}`]),
    ...(hostNodes === undefined ? [] : [`policy=${policy ?? 'bind'}`, `nodes=${hostNodes.join(',')}`]),
  ]
}

async function buildServer({ cacheFolder, signal }: ServerContext): Promise<string> {
  try {
    return await compiled({
      folder: join(PACKAGE_FOLDER, 'src/services/ivshmem'),
      sources: ['server.c'],
      flags: FLAGS,
      cache: join(cacheFolder, 'ivshmem-server'),
      ...(signal ? { signal } : {}),
    })
  } catch (error) {
    if (!(error instanceof CompileError)) throw error
    const { message: what, evidence } = error
    throw new BringupError([problems.IVSHMEM_SERVER_BUILD_FAILED.at('', what, { evidence })])
  }
}
