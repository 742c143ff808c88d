/**
 * A relay between one QEMU and rdmacm-mux, which works around what QEMU and guests need:
 *
 * QEMU waits for the answer to each request, and takes what comes first for it (rdma_backend.c, rdmacm_mux_send). A datagram
 * that arrives in that moment is lost, and the answer is then taken for a datagram. The relay holds datagrams back while a
 * request is under way. One may still lie unread in QEMU's socket when QEMU makes its request: datagrams are therefore
 * marked so that they pass for a good answer as well, and the answer carries the datagram again. Whichever QEMU reads
 * first, it has both in the end.
 *
 * An address that a guest registers has to be one of the interface of this computer. The relay lets the registration pass
 * once it is.
 */
import type { Duplex } from 'node:stream'
import { startTimer, type Timer } from '../../timer.ts'
import { asEither, isResponse, MessageSplitter, registrationOf, withDatagram } from './messages.ts'

/** QEMU reads a datagram within this time, or a request is under way. */
const APART_MS = 50

export interface RelayOptions {
  /** A guest has set or removed an address. The registration waits for it. */
  readonly onAddress: (gid: Buffer, isAdded: boolean) => Promise<void>
}

/** Relays until either end closes. Resolves when both have. */
export function relay(qemu: Duplex, multiplexer: Duplex, { onAddress }: RelayOptions): Promise<void> {
  const waiting: Buffer[] = []
  let isAsking = false
  /** The last datagram, while QEMU may not have read it yet. */
  let unread: Buffer | undefined
  let timer: Timer | undefined
  const deliver = () => {
    if (isAsking || timer !== undefined) return
    const next = waiting.shift()
    if (!next) return
    unread = next
    qemu.write(asEither(next))
    timer = startTimer(APART_MS, () => {
      timer = undefined
      deliver()
    })
  }
  const answer = (message: Buffer) => {
    qemu.write(unread ? withDatagram(message, unread) : message)
    // QEMU reads in order: with the answer it has the datagram.
    unread = undefined
    isAsking = false
    deliver()
  }
  const ask = (message: Buffer) => {
    isAsking = true
    const registration = registrationOf(message)
    if (!registration) {
      multiplexer.write(message)
      return
    }
    // What went wrong is a finding of the run; the guest's driver waits for an answer all the same.
    const pass = () => multiplexer.write(message)
    void onAddress(registration.gid, registration.isAdded).then(pass, pass)
  }
  const toMultiplexer = new MessageSplitter(ask)
  const toQemu = new MessageSplitter((message) => {
    if (isResponse(message)) return answer(message)
    waiting.push(message)
    deliver()
  })
  qemu.on('data', (chunk: Buffer) => toMultiplexer.take(chunk))
  multiplexer.on('data', (chunk: Buffer) => toQemu.take(chunk))
  const ended = [qemu, multiplexer].map(
    (stream) =>
      new Promise<void>((resolve) => {
        stream.on('error', () => {})
        stream.once('close', () => {
          timer?.clear()
          for (const one of [qemu, multiplexer]) one.destroy()
          resolve()
        })
      }),
  )
  return Promise.all(ended).then(() => {})
}
