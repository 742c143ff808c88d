/**
 * The capture of a network: a pcapng file that grows up to its limit. The switch never waits for the disk: what is not
 * written in time is left out and counted.
 */
import { type FileHandle, open } from 'node:fs/promises'
import { type CapturedFrame, interfaceBlock, packetBlock, sectionBlock, statisticsBlock } from './pcapng.ts'

export interface CaptureOptions {
  readonly file: string
  readonly limitBytes: number
  /** Ports in the order of their numbers, the network's own among them. */
  readonly ports: readonly { readonly name: string; readonly description: string }[]
  readonly onFull: () => void
  readonly onFailed: (problem: string) => void
}

/** What may wait for the disk. */
const WAITING_BYTES = 16 * 1024 * 1024

export class CaptureFile {
  readonly #options: CaptureOptions
  readonly #handle: FileHandle
  readonly #counts: { received: number; dropped: number }[]
  #waiting: Buffer[] = []
  #waitingBytes = 0
  /** All that was taken, written or not. */
  #bytes = 0
  #isFull = false
  #isFailed = false
  #writing: Promise<void> | undefined

  private constructor(options: CaptureOptions, handle: FileHandle) {
    this.#options = options
    this.#handle = handle
    this.#counts = options.ports.map(() => ({ received: 0, dropped: 0 }))
    this.#take(sectionBlock('bringup'))
    for (const { name, description } of options.ports) this.#take(interfaceBlock(name, description))
  }

  /** Makes the file, which must not exist. For this user only: it holds what guests say to each other. */
  static async open(options: CaptureOptions): Promise<CaptureFile> {
    return new CaptureFile(options, await open(options.file, 'wx', 0o600))
  }

  add(frame: CapturedFrame): void {
    const count = this.#counts[frame.port]
    if (count) count.received++
    if (this.#isFull || this.#isFailed || this.#waitingBytes > WAITING_BYTES) {
      if (count) count.dropped++
      return
    }
    const block = packetBlock(frame)
    if (this.#bytes + block.length > this.#options.limitBytes) {
      this.#isFull = true
      if (count) count.dropped++
      this.#options.onFull()
      return
    }
    this.#take(block)
  }

  /** Ends the file with the counts of each port. */
  async close(atMs: number): Promise<void> {
    for (const [port, { received, dropped }] of this.#counts.entries())
      this.#take(statisticsBlock(port, atMs, received, dropped))
    while (this.#writing !== undefined) await this.#writing
    await this.#handle.close()
  }

  #take(block: Buffer): void {
    this.#waiting.push(block)
    this.#waitingBytes += block.length
    this.#bytes += block.length
    this.#writing ??= this.#write()
  }

  /** Writes what waits, and what comes meanwhile. */
  async #write(): Promise<void> {
    // Frames of the same turn are written together.
    await new Promise((resolve) => setImmediate(resolve))
    try {
      while (this.#waiting.length > 0 && !this.#isFailed) {
        const bytes = Buffer.concat(this.#waiting)
        this.#waiting = []
        for (let at = 0; at < bytes.length; ) {
          const { bytesWritten } = await this.#handle.write(bytes, at)
          at += bytesWritten
        }
        this.#waitingBytes -= bytes.length
      }
    } catch (error) {
      this.#isFailed = true
      this.#waiting = []
      this.#options.onFailed((error as Error).message)
    } finally {
      this.#writing = undefined
    }
  }
}
