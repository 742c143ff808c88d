/** JSON lines on a stream, from a peer that may send anything. */
import type { Duplex } from 'node:stream'
import type { z } from 'zod'
import { LineSplitter } from '../line-splitter.ts'

/** What a peer may leave unread before the connection is closed. */
const MOST_UNREAD = 64 * 1024 * 1024

/** A connection that carries messages as lines. */
export interface JsonLines<Sent> {
  send(message: Sent): void
  /** Ends the connection once all has been sent. */
  end(): void
}

/**
 * Reads messages of one shape, and closes the connection at the first line that is malformed.
 *
 * @param onMessage Called in the order of the lines.
 */
export function openJsonLines<Sent, Schema extends z.ZodType>(
  stream: Duplex,
  schema: Schema,
  onMessage: (message: z.output<Schema>) => void,
): JsonLines<Sent> {
  const lines = new LineSplitter((line) => {
    const message = parse(schema, line)
    if (message === undefined) stream.destroy()
    else if (!stream.destroyed) onMessage(message)
  }, LONGEST_LINE)
  stream.on('data', (chunk: Buffer) => lines.take(chunk))
  stream.on('error', () => {})
  return {
    send: (message) => {
      if (stream.destroyed) return
      stream.write(`${JSON.stringify(message)}\n`)
      if (stream.writableLength > MOST_UNREAD) stream.destroy()
    },
    end: () => void stream.end(),
  }
}

/** A longer line is in pieces, none of which is a message. */
const LONGEST_LINE = 4 * 1024 * 1024

function parse<Schema extends z.ZodType>(schema: Schema, line: string): z.output<Schema> | undefined {
  try {
    return schema.parse(JSON.parse(line))
  } catch {
    return undefined
  }
}
