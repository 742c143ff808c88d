/** A memory of a run that its guests share: created for each run and removed with it. */
import { closeSync, constants, createReadStream, createWriteStream, ftruncateSync, openSync } from 'node:fs'
import type { Socket } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import type { Diagnostic } from '../../diagnostics.ts'
import type { SharedMemory } from '../../machine/devices/ivshmem-schema.ts'
import { OWN_FILE } from '../../own-files.ts'
import { connectUnread } from '../connect-unread.ts'
import { type ServiceOptions, startService } from '../start-service.ts'
import { ivshmemService, SERVER_SOCKET, type ServerContext } from './ivshmem-server.ts'

/** Disposing of it ends its server; what the guests have mapped stays theirs until they end. */
export interface RunningMemory extends AsyncDisposable {
  /**
   * What a guest's QEMU inherits: the memory itself, or a connection to the server. Guests are numbered in the order in
   * which they are attached. To be released once QEMU has been started.
   */
  attach(guest: string): Promise<Socket | number>
  release(guest: string): void
  /** Path of the memory while this process lives; undefined if its server has it. */
  readonly path?: string
  /** Resolves if its server dies: new guests cannot join then. Never rejects. */
  readonly died: Promise<Diagnostic>
}

export interface SharedMemoryOptions extends ServerContext, Omit<ServiceOptions, 'signal'> {
  /** File whose content a memory without a server starts with. Default: zeros. */
  readonly content?: string
}

/**
 * Makes a memory that guests can be attached to.
 *
 * @throws BringupError IVSHMEM_SERVER_BUILD_FAILED, and what `startService` throws
 */
export async function startSharedMemory(
  name: string,
  memory: SharedMemory,
  options: SharedMemoryOptions,
): Promise<RunningMemory> {
  return memory.vectors === undefined ? plainMemory(memory, options) : withServer(name, memory, options)
}

/** A file without a name is gone once the last process that has it open ends, also by SIGKILL. */
async function plainMemory(
  { size }: SharedMemory,
  { content }: Pick<SharedMemoryOptions, 'content'>,
): Promise<RunningMemory> {
  const fd = openUnnamed()
  const path = `/proc/${process.pid}/fd/${fd}`
  ftruncateSync(fd, size)
  if (content !== undefined)
    await pipeline(createReadStream(content), createWriteStream(path, { flags: 'r+' }))
  let isOpen = true
  return {
    path,
    attach: async () => fd,
    release: () => {},
    died: new Promise(() => {}),
    async [Symbol.asyncDispose]() {
      if (isOpen) closeSync(fd)
      isOpen = false
    },
  }
}

/** fcntl.h: __O_TMPFILE and O_DIRECTORY. Node has no name for it. */
const O_TMPFILE = 0o20000000 | constants.O_DIRECTORY

function openUnnamed(): number {
  try {
    return openSync('/dev/shm', constants.O_RDWR | O_TMPFILE, OWN_FILE)
  } catch {
    return openSync(tmpdir(), constants.O_RDWR | O_TMPFILE, OWN_FILE)
  }
}

async function withServer(
  name: string,
  memory: SharedMemory,
  options: SharedMemoryOptions,
): Promise<RunningMemory> {
  const service = await startService(await ivshmemService(name, memory, options), options)
  const connections = new Map<string, Socket>()
  const release = (guest: string) => {
    connections.get(guest)?.destroy()
    connections.delete(guest)
  }
  return {
    async attach(guest) {
      const connection = await connectUnread(join(service.folder, SERVER_SOCKET))
      connections.set(guest, connection)
      return connection
    },
    release,
    died: service.died,
    async [Symbol.asyncDispose]() {
      for (const guest of [...connections.keys()]) release(guest)
      await service[Symbol.asyncDispose]()
    },
  }
}
