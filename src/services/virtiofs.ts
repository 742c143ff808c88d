/** virtiofsd as a service of one guest: it serves one folder, and ends when QEMU closes the connection. */
import type { Socket } from 'node:net'
import { join } from 'node:path'
import type { Diagnostic } from '../diagnostics.ts'
import { connectUnread } from './connect-unread.ts'
import { parseService } from './service.ts'
import { type ServiceOptions, startService } from './start-service.ts'

export interface ServedFolder extends AsyncDisposable {
  /** What QEMU inherits. To be destroyed once QEMU has been started. */
  readonly connection: Socket
  /** Resolves if the daemon dies while QEMU is connected. Never rejects. */
  readonly died: Promise<Diagnostic>
}

/** Both daemons print it once they listen; a connection to find that out would be the only one that they accept. */
const READY = 'Waiting for vhost-user socket connection'

/**
 * Starts the daemon and connects to it.
 *
 * @param argv serves the folder on `{folder}/socket`
 * @throws what `startService` throws
 */
export async function serveFolder(
  name: string,
  argv: readonly [string, ...string[]],
  options: Omit<ServiceOptions, 'mayEnd'>,
): Promise<ServedFolder> {
  const spec = parseService({ name, argv: [...argv], ready: { pattern: READY } })
  const service = await startService(spec, { ...options, mayEnd: true })
  const connection = await connectUnread(join(service.folder, 'socket'))
  return {
    connection,
    died: service.died,
    async [Symbol.asyncDispose]() {
      connection.destroy()
      await service[Symbol.asyncDispose]()
    },
  }
}
