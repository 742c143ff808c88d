/**
 * Messages between QEMU and rdmacm-mux, as far as a relay looks at them. Pure.
 * Source: contrib/rdmacm-mux/rdmacm-mux.h of QEMU 7.2, with struct ib_user_mad of libibumad; offsets by offsetof.
 */

/** sizeof(RdmaCmMuxMsg). */
export const MESSAGE_BYTES = 360
const TYPE = 0
const OPERATION = 4
const GID = 8
const RESULT = 24

const RESPONSE = 1
const REGISTER = 0
const UNREGISTER = 1
const MAD = 2

export const isResponse = (message: Buffer) => message.readInt32LE(TYPE) === RESPONSE

/** The address that a guest registers or takes back; undefined for other requests. */
export function registrationOf(
  message: Buffer,
): { readonly gid: Buffer; readonly isAdded: boolean } | undefined {
  const operation = message.readInt32LE(OPERATION)
  if (isResponse(message) || operation > UNREGISTER) return undefined
  return { gid: Buffer.from(message.subarray(GID, GID + 16)), isAdded: operation === REGISTER }
}

/** A datagram that QEMU takes for what it is, and for the answer to a request of its own as well. */
export function asEither(datagram: Buffer): Buffer {
  const message = Buffer.from(datagram)
  message.writeInt32LE(RESPONSE, TYPE)
  message.writeInt32LE(MAD, OPERATION)
  message.writeInt32LE(0, RESULT)
  return message
}

/** The answer to a request, with the datagram that QEMU may have read in its place. */
export function withDatagram(response: Buffer, datagram: Buffer): Buffer {
  const message = asEither(datagram)
  message.writeInt32LE(response.readInt32LE(RESULT), RESULT)
  return message
}

/** Cuts a stream into messages. */
export class MessageSplitter {
  readonly #take: (message: Buffer) => void
  #rest: Buffer = Buffer.alloc(0)

  constructor(take: (message: Buffer) => void) {
    this.#take = take
  }

  take(chunk: Buffer): void {
    let rest = this.#rest.length === 0 ? chunk : Buffer.concat([this.#rest, chunk])
    for (; rest.length >= MESSAGE_BYTES; rest = rest.subarray(MESSAGE_BYTES))
      this.#take(Buffer.from(rest.subarray(0, MESSAGE_BYTES)))
    this.#rest = Buffer.from(rest)
  }
}
