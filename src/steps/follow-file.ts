/** Reads the lines that another process appends to a file, as they come. */
import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs'
import { LineSplitter } from '../line-splitter.ts'

/** Starts at the file's present end; makes the file when it is not there. `close` reads what is left. */
export function followFile(path: string, onLine: (line: string) => void): { close(): void } {
  const fd = openSync(path, 'a+')
  let at = fstatSync(fd).size
  const lines = new LineSplitter(onLine)
  const readMore = () => {
    const size = fstatSync(fd).size
    if (size <= at) return
    const chunk = Buffer.alloc(size - at)
    at += readSync(fd, chunk, 0, chunk.length, at)
    lines.take(chunk)
  }
  const watcher = watch(path, readMore)
  return {
    close: () => {
      watcher.close()
      readMore()
      lines.end()
      closeSync(fd)
    },
  }
}
