/** Reads the lines that another process appends to a file, as they come. */
import { closeSync, fstatSync, openSync, readSync, watch } from 'node:fs'

/** Starts at the file's present end; makes the file when it is not there. `close` reads what is left. */
export function followFile(path: string, onLine: (line: string) => void): { close(): void } {
  const fd = openSync(path, 'a+')
  let at = fstatSync(fd).size
  let rest = ''
  const readMore = () => {
    const size = fstatSync(fd).size
    if (size <= at) return
    const chunk = Buffer.alloc(size - at)
    at += readSync(fd, chunk, 0, chunk.length, at)
    const lines = (rest + chunk.toString()).split('\n')
    rest = lines.pop() ?? ''
    for (const line of lines) onLine(line)
  }
  const watcher = watch(path, readMore)
  return {
    close: () => {
      watcher.close()
      readMore()
      if (rest !== '') onLine(rest)
      closeSync(fd)
    },
  }
}
