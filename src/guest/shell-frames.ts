/**
 * The command channel's protocol, the same for every guest. Its other end for Linux is
 * `src/project/profiles/linux/agent`.
 *
 * Each side begins with HELLO, the guest first; what a side reads before the other's HELLO is left over from before a
 * reset and dropped. Then come frames: payload length (u32), type (one letter), session (u8), two zero bytes, payload.
 * Numbers are little-endian. The host names up to eight sessions at a time, 0 to 7; a session ends with `X`.
 *
 * | from host | payload | meaning |
 * | --- | --- | --- |
 * | R | argc u32, envc u32, texts ended by a zero: cwd, argv…, env… | run a command |
 * | T | rows u32, columns u32, then as R | run a command on a terminal; its output is O |
 * | Z | rows u32, columns u32 | the terminal has that size now |
 * | W | permission bits u32, path and a zero | write a file; its content follows as input |
 * | G | path and a zero | get a file |
 * | I | bytes; none for the end | input; never more than granted: 64 KiB at first |
 * | K | number u32 | send the signal to the command's process group; SIGHUP also closes its terminal |
 * | S | empty; two bytes before a save; after a restore: seconds and nanoseconds since 1970 (u64 each) and entropy, or one byte to keep clock and random numbers; then the time alone | id of the boot; answered by O: 16 bytes and the number of restores (u32) |
 * | Q | 0 power off, 1 restart (u32) | end the machine |
 *
 * | from guest | payload | meaning |
 * | --- | --- | --- |
 * | O, E | bytes | standard output (also a file's content), standard error |
 * | A | count u32, 0 | that many bytes of input were taken, and as many more may be sent |
 * | C | code u32 | the shell on the console ended with that code, which is not 0; the guest powers off; no session |
 * | X | code u32, error u32 | end: exit code (128 + signal), or the errno of what could not be done |
 */

export const HELLO = Buffer.from([
  0xb1, 0x07, 0x2e, 0x91, 0x62, 0x72, 0x69, 0x6e, 0x67, 0x75, 0x70, 1, 0xd6, 0x4c, 0xf3, 0x58,
])
export const SESSIONS = 8
export const WINDOW_BYTES = 64 * 1024
/** Largest payload that the guest takes. */
export const LARGEST_REQUEST = 256 * 1024
/** Largest payload that the guest sends: its frames have 32 KiB. What claims more is not the agent. */
export const LARGEST_ANSWER = 1024 * 1024
const HEADER = 8

export interface Frame {
  readonly type: string
  readonly session: number
  readonly payload: Buffer
}

export function frame(type: string, session: number, payload: Uint8Array = Buffer.alloc(0)): Buffer {
  const header = Buffer.alloc(HEADER)
  header.writeUInt32LE(payload.length, 0)
  header.writeUInt8(type.charCodeAt(0), 4)
  header.writeUInt8(session, 5)
  return Buffer.concat([header, payload])
}

export function numbers(...values: readonly number[]): Buffer {
  const bytes = Buffer.alloc(4 * values.length)
  for (const [i, value] of values.entries()) bytes.writeUInt32LE(value, 4 * i)
  return bytes
}

export function texts(...values: readonly string[]): Buffer {
  return Buffer.from(values.map((v) => `${v}\0`).join(''))
}

/**
 * Cuts a byte stream into frames. Chunks are kept as they came until a frame is whole, so a long frame costs one copy.
 */
export class FrameReader {
  #chunks: Buffer[] = []
  #bytes = 0
  #greeted = false
  #broken: string | undefined

  /** What the other side said that no agent says; nothing is read from then on. */
  get broken(): string | undefined {
    return this.#broken
  }

  /** The other side's HELLO came before. */
  greeted(): void {
    this.#greeted = true
  }

  /** Forgets everything and waits for the other side's HELLO again. */
  reset(): void {
    this.#chunks = []
    this.#bytes = 0
    this.#greeted = false
    this.#broken = undefined
  }

  /** Takes a chunk and returns what it completed; `hello` is true when the greeting was in it. */
  push(chunk: Buffer): { readonly hello: boolean; readonly frames: readonly Frame[] } {
    if (this.#broken !== undefined) return { hello: false, frames: [] }
    this.#chunks.push(chunk)
    this.#bytes += chunk.length
    const hello = !this.#greeted && this.#findHello()
    return { hello, frames: this.#greeted ? this.#takeFrames() : [] }
  }

  #join(): Buffer {
    const [first] = this.#chunks
    if (this.#chunks.length === 1 && first) return first
    const whole = Buffer.concat(this.#chunks)
    this.#chunks = [whole]
    return whole
  }

  #keep(rest: Buffer): void {
    this.#chunks = rest.length > 0 ? [rest] : []
    this.#bytes = rest.length
  }

  #findHello(): boolean {
    const whole = this.#join()
    const at = whole.indexOf(HELLO)
    this.#greeted = at !== -1
    this.#keep(
      this.#greeted
        ? whole.subarray(at + HELLO.length)
        : whole.subarray(Math.max(0, whole.length - HELLO.length + 1)),
    )
    return this.#greeted
  }

  #takeFrames(): readonly Frame[] {
    const frames: Frame[] = []
    if (this.#bytes < HEADER) return frames
    const head = this.#chunks[0]
    if (head && head.length >= HEADER && this.#refuses(head.readUInt32LE(0))) {
      this.#keep(Buffer.alloc(0))
      return frames
    }
    if (head && head.length >= HEADER && this.#bytes < HEADER + head.readUInt32LE(0)) return frames
    let rest = this.#join()
    while (rest.length >= HEADER && !this.#refuses(rest.readUInt32LE(0))) {
      const end = HEADER + rest.readUInt32LE(0)
      if (rest.length < end) break
      frames.push({
        type: String.fromCharCode(rest.readUInt8(4)),
        session: rest.readUInt8(5),
        payload: rest.subarray(HEADER, end),
      })
      rest = rest.subarray(end)
    }
    this.#keep(this.#broken === undefined ? rest : Buffer.alloc(0))
    return frames
  }

  #refuses(bytes: number): boolean {
    if (bytes > LARGEST_ANSWER)
      this.#broken = `it announced a frame of ${bytes} bytes, and ${LARGEST_ANSWER} are the most`
    return this.#broken !== undefined
  }
}
