/** Reads console logs, which a guest may have made as long as it liked: in pieces, or their end only. */
import { closeSync, fstatSync, openSync, readSync } from 'node:fs'
import { StringDecoder } from 'node:string_decoder'

const PIECE_BYTES = 256 * 1024
/** The most that is read of a log at once. */
const TAIL_BYTES = 64 * 1024 * 1024
/** A longer line is passed on in pieces. */
const LONGEST_LINE = 1024 * 1024

/** The last bytes of a file; all of them where it is not longer. */
export function readTail(path: string, most: number = TAIL_BYTES): Buffer {
  const file = openSync(path, 'r')
  try {
    const { size } = fstatSync(file)
    const bytes = Buffer.alloc(Math.min(size, most))
    return bytes.subarray(0, readSync(file, bytes, 0, bytes.length, size - bytes.length))
  } finally {
    closeSync(file)
  }
}

/** Its lines without their ends, one after the other. */
export function* readLines(path: string): Generator<string> {
  const decoder = new StringDecoder('utf8')
  const file = openSync(path, 'r')
  const bytes = Buffer.alloc(PIECE_BYTES)
  try {
    let rest = ''
    for (let count = readSync(file, bytes); count > 0; count = readSync(file, bytes)) {
      const lines = (rest + decoder.write(bytes.subarray(0, count))).split('\n')
      rest = lines.pop() ?? ''
      yield* lines
      if (rest.length < LONGEST_LINE) continue
      yield rest
      rest = ''
    }
    rest += decoder.end()
    if (rest !== '') yield rest
  } finally {
    closeSync(file)
  }
}
