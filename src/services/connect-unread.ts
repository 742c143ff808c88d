/** Connections to servers of QEMU's devices, made for a QEMU that inherits them. */
import { connect, type Socket } from 'node:net'

/** What the server sends is for QEMU: descriptors that Node reads are lost. A stream that is paused before it is connected reads nothing. */
export function connectUnread(path: string): Promise<Socket> {
  const socket = connect(path).pause()
  return new Promise((resolve, reject) => {
    socket.once('error', reject)
    socket.once('connect', () => {
      socket.off('error', reject).on('error', () => {})
      resolve(socket)
    })
  })
}
