/** rdmacm-mux as a service that all runs of this user share, and guests' connections to it. */
import { existsSync, readdirSync, readlinkSync, rmSync, symlinkSync } from 'node:fs'
import { connect, createServer, type Socket } from 'node:net'
import { basename, join } from 'node:path'
import { BringupError, type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import type { RdmaPort } from '../../machine/device.ts'
import { problems as ofDevice } from '../../machine/devices/pvrdma-problems.ts'
import { PACKAGE_FOLDER } from '../../package-folder.ts'
import { CompileError, compiled } from '../../processes/compile.ts'
import { randomDigits } from '../../random-name.ts'
import { connectUnread } from '../connect-unread.ts'
import { runtimeFolder } from '../runtime-folder.ts'
import { parseService, type ServiceSpec } from '../service.ts'
import { type Service, type ServiceOptions, startService } from '../start-service.ts'
import type { Mirror } from './mirror.ts'
import { relay } from './relay.ts'

export const problems = defineDiagnostics({
  RDMA_MULTIPLEXER_REFUSED: {
    title: 'The kernel refused the multiplexer the messages of a port.',
    why: 'one receiver of connection messages fits on a port: the modules ib_cm and rdma_cm, and any other rdmacm-mux, which may be that of another user',
    remedy:
      'run `bringup rdma doctor` as root, which names the receiver; `bringup rdma up` unloads the modules, another multiplexer has to end first',
    source: 'rdmacm-mux: "umad_register() failed"; kernel: "ib_core: Method 3 already in use"',
  },
  RDMA_PORT_UNUSABLE: {
    title: 'The multiplexer could not open the port of an RDMA device.',
    why: 'the device or port does not exist, the kernel module ib_umad is not loaded, or this user may not open /dev/infiniband/umadN',
    remedy: 'run `bringup rdma doctor`; `bringup rdma up` loads the module and gives this user access',
    source: 'rdmacm-mux: "umad_open_port() failed"',
  },
  RDMA_DEVICE_GONE: {
    title: 'The RDMA device was removed while guests used it.',
    why: 'the multiplexer cannot read from it any more; transfers of the guests fail',
    remedy: 'make the device again with `bringup rdma up`, then run again',
    source: 'rdmacm-mux: "Fatal error while trying to read MAD"',
  },
  RDMA_MULTIPLEXER_DIED: {
    title: 'The multiplexer ended while guests used it.',
    why: 'guests keep the connections that they have; new ones are not possible',
    remedy: 'run again; its last lines are below',
  },
})

const FLAGS = ['-std=gnu11', '-O2', '-Wall', '-Wextra', '-fPIC', '-shared']

export interface MultiplexerContext extends ServiceOptions {
  readonly cacheFolder: string
}

export interface RunningMultiplexer extends AsyncDisposable {
  /** What QEMU inherits. To be destroyed once QEMU has been started. */
  attach(): Promise<Socket>
  /** Resolves if it dies. Never rejects. */
  readonly died: Promise<Diagnostic>
}

/** `rdmacm-mux-rxe0-1` */
export const multiplexerName = ({ device, port }: Pick<RdmaPort, 'device' | 'port'>) =>
  `rdmacm-mux-${device.replaceAll(/[^\w.-]/g, '-').slice(0, 40)}-${port}`

/** The description of the service: the same for all runs of this user, so that they share it. */
export async function multiplexerService(
  { device, port, program = 'rdmacm-mux' }: Pick<RdmaPort, 'device' | 'port' | 'program'>,
  context: Pick<MultiplexerContext, 'cacheFolder' | 'signal'>,
): Promise<ServiceSpec> {
  const preload = await syslogToOutput(context)
  const env = preload === undefined ? [] : ['env', `LD_PRELOAD=${preload}`]
  const [first = program, ...rest] = [...env, program, '-d', device, '-p', `${port}`, '-s', '{folder}/mux']
  return parseService({
    name: multiplexerName({ device, port }),
    argv: [first, ...rest],
    // It listens before it has opened the port.
    ready:
      preload === undefined ? { path: `{folder}/mux-${device}-${port}` } : { pattern: '^Service started$' },
    shared: `rdmacm-mux ${device} ${port}`,
    stopWithin: '10s',
  })
}

/** It logs to syslog(3) only. Without a compiler it goes there, and bringup learns less. */
async function syslogToOutput({
  cacheFolder,
  signal,
}: Pick<MultiplexerContext, 'cacheFolder' | 'signal'>): Promise<string | undefined> {
  try {
    const made = await compiled({
      folder: join(PACKAGE_FOLDER, 'src/services/rdma'),
      sources: ['syslog.c'],
      flags: FLAGS,
      cache: join(cacheFolder, 'rdmacm-mux-syslog'),
      ...(signal ? { signal } : {}),
    })
    // Blanks and colons separate the entries of LD_PRELOAD, and the path of a cache may have them. The link stays: another
    // run may be about to load it.
    if (isWord(made)) return made
    const link = join(runtimeFolder(), `${basename(made)}.so`)
    linkOnce(made, link)
    return isWord(link) ? link : undefined
  } catch (error) {
    if (error instanceof CompileError) return undefined
    throw error
  }
}

const isWord = (path: string) => !/[\s:]/.test(path)

function linkOnce(target: string, link: string): void {
  try {
    if (readlinkSync(link) === target) return
  } catch {
    // It is not there yet.
  }
  rmSync(link, { force: true })
  try {
    symlinkSync(target, link)
  } catch (error) {
    // Another run was faster.
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error
  }
}

/**
 * Starts the multiplexer of a port, or joins the one that other runs of this user have.
 *
 * @throws BringupError RDMA_MULTIPLEXER_REFUSED, RDMA_PORT_UNUSABLE, and what `startService` throws
 */
export async function startMultiplexer(
  rdma: RdmaPort,
  mirror: Mirror | undefined,
  { cacheFolder, ...options }: MultiplexerContext,
): Promise<RunningMultiplexer> {
  const { device, port, socket } = rdma
  const { signal } = options
  const service =
    socket === undefined
      ? await startExplained(
          await multiplexerService(rdma, { cacheFolder, ...(signal ? { signal } : {}) }),
          options,
        )
      : undefined
  const path = socket ?? join(service?.folder ?? '', `mux-${device}-${port}`)
  const relays = new Set<Socket>()
  return {
    attach: () => attachBy(path, rdma, mirror, relays),
    died: service ? service.died.then((finding) => explainDeath(finding, device)) : new Promise(() => {}),
    async [Symbol.asyncDispose]() {
      for (const one of relays) one.destroy()
      await service?.[Symbol.asyncDispose]()
    },
  }
}

/** QEMU's end of a connection whose other end is relayed. */
async function attachBy(
  path: string,
  rdma: RdmaPort,
  mirror: Mirror | undefined,
  relays: Set<Socket>,
): Promise<Socket> {
  const multiplexer = await connected(path, rdma)
  // Node has no pair of sockets but by a name, which is gone at once. An abstract name would be open to all users.
  const folder = runtimeFolder()
  removeStale(folder)
  const name = join(folder, `r${process.pid}-${randomDigits(12)}`)
  const server = createServer()
  server.listen(name)
  try {
    await new Promise<void>((resolve, reject) => {
      server.once('listening', resolve)
      server.once('error', reject)
    })
    const accepted = new Promise<Socket>((resolve) => server.once('connection', resolve))
    const end = await connectUnread(name)
    const ours = await accepted
    relays.add(ours)
    void relay(ours, multiplexer, {
      onAddress: async (gid, isAdded) => {
        if (isAdded) await mirror?.add(rdma, gid)
        else await mirror?.remove(rdma, gid)
      },
    }).then(() => relays.delete(ours))
    return end
  } catch (error) {
    multiplexer.destroy()
    throw error
  } finally {
    server.close()
    rmSync(name, { force: true })
  }
}

/** @throws BringupError PVRDMA_MULTIPLEXER_UNUSABLE, RDMA_MULTIPLEXER_DIED */
async function connected(path: string, { device, port, socket }: RdmaPort): Promise<Socket> {
  const multiplexer = connect(path)
  try {
    await new Promise<void>((resolve, reject) => {
      multiplexer.once('connect', resolve)
      multiplexer.once('error', reject)
    })
    return multiplexer
  } catch (error) {
    multiplexer.destroy()
    const { code = '', message } = error as NodeJS.ErrnoException
    const said = CONNECT_ERRORS[code] ?? message
    throw new BringupError(
      [
        socket === undefined
          ? problems.RDMA_MULTIPLEXER_DIED.at('', `the multiplexer of ${device} port ${port}: ${said}`)
          : ofDevice.PVRDMA_MULTIPLEXER_UNUSABLE.at('', `${path}: ${said}`),
      ],
      { cause: error },
    )
  }
}

const CONNECT_ERRORS: Readonly<Record<string, string>> = {
  ECONNREFUSED: 'no process listens on this socket',
  EACCES: 'this user may not connect to this socket',
  ENOENT: 'does not exist',
  ENOTSOCK: 'is not a socket',
}

/** Names that a bringup left behind that was killed while it made a pair. */
function removeStale(folder: string): void {
  for (const name of readdirSync(folder)) {
    const pid = /^r(\d+)-[0-9a-f]{12}$/.exec(name)?.[1]
    if (pid !== undefined && !existsSync(`/proc/${pid}`)) rmSync(join(folder, name), { force: true })
  }
}

async function startExplained(spec: ServiceSpec, options: ServiceOptions): Promise<Service> {
  try {
    return await startService(spec, options)
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    throw new BringupError(error.diagnostics.map(explainStart), { cause: error })
  }
}

/** What its last words mean. */
function explainStart(finding: Diagnostic): Diagnostic {
  const { evidence = [], what } = finding
  const said = (words: string) => evidence.some((line) => line.includes(words))
  if (said('umad_register() failed')) return problems.RDMA_MULTIPLEXER_REFUSED.at('', what, { evidence })
  if (said('umad_open_port() failed')) return problems.RDMA_PORT_UNUSABLE.at('', what, { evidence })
  return finding
}

function explainDeath(finding: Diagnostic, device: string): Diagnostic {
  const { evidence = [], what } = finding
  if (evidence.some((line) => line.includes('Fatal error while trying to read MAD')))
    return problems.RDMA_DEVICE_GONE.at('', `${device} was removed`, { evidence })
  return problems.RDMA_MULTIPLEXER_DIED.at('', what, { evidence })
}
