/**
 * One abstract socket per bringup process. A QEMU connects to it when it starts: a QEMU whose bringup was killed
 * between fork and prctl(PR_SET_PDEATHSIG) finds no listener and exits. It has no path, so nothing can be left over.
 */
import { createServer } from 'node:net'
import { abstractName } from '../random-name.ts'

let keeper: Promise<string> | undefined

/** Name of the socket, without the leading zero byte; it listens from the first call until the process ends. */
export function keeperName(): Promise<string> {
  keeper ??= new Promise((resolve, reject) => {
    const name = abstractName('')
    const server = createServer((connection) => {
      connection.unref()
      connection.on('error', () => {})
    })
    server.once('error', reject)
    server.listen({ path: `\0${name}` }, () => resolve(name))
    server.unref()
  })
  return keeper
}
