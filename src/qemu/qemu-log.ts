/** Logs of what QEMU said. One that a full disk cuts short must not end the guest. */
import { appendFileSync, closeSync, openSync, writeSync } from 'node:fs'

/** So much of each is written, in characters: a guest can make QEMU write forever. */
const LOGGED_STDERR = 64 * 1024 * 1024
const LOGGED_QMP = 256 * 1024 * 1024

/** Every QMP message, a line of JSON each. */
export function openQmpLog(path: string | undefined): {
  write(direction: string, line: string): void
  close(): void
} {
  if (path === undefined) return { write: () => {}, close: () => {} }
  let fd: number | undefined = openSync(path, 'a', 0o600)
  let written = 0
  return {
    write: (direction, line) => {
      const open = fd
      const text = `{"at":${Date.now()},"${direction}":${isJson(line) ? line : JSON.stringify(line)}}\n`
      written += text.length
      if (open !== undefined && written < LOGGED_QMP) unlessFull(() => writeSync(open, text))
    },
    close: () => {
      if (fd !== undefined) closeSync(fd)
      fd = undefined
    },
  }
}

/** @param written So many characters with this text */
export function logStderr(path: string | undefined, text: string, written: number): void {
  if (path === undefined || written > LOGGED_STDERR) return
  unlessFull(() => appendFileSync(path, text, { mode: 0o600 }))
}

function unlessFull(write: () => void): void {
  try {
    write()
  } catch (error) {
    if (!['ENOSPC', 'EDQUOT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error
  }
}

function isJson(line: string): boolean {
  return line.startsWith('{') && line.endsWith('}')
}
