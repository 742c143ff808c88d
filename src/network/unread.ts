/**
 * What the other end of a socket has not read yet. Node has no call for it; `ss` of iproute2 reads it from the kernel
 * (sock_diag(7), UNIX_DIAG_SHOW_RQLEN).
 */
import { execFile } from 'node:child_process'
import { readlinkSync } from 'node:fs'
import { promisify } from 'node:util'

/** A pair of unnamed sockets, one line for each end: unread bytes, unsent bytes, its inode, that of the other end. */
const PAIR = /^u_str\s+ESTAB\s+(\d+)\s+\d+\s+\*\s+(\d+)\s+\*\s+(\d+)/

/**
 * Bytes that wait in the other ends of these sockets, in their order.
 *
 * @param fds of sockets of that process, one end of a pair each
 * @throws Error if `ss` is missing, or the kernel does not tell
 */
export async function unreadBehind(pid: number, fds: readonly number[]): Promise<readonly number[]> {
  const { stdout } = await promisify(execFile)('ss', ['--unix', '--all', '--numeric', '--no-header'], {
    env: { PATH: process.env.PATH, LC_ALL: 'C' },
    maxBuffer: 64 * 1024 ** 2,
  })
  const unread = unreadByPeer(stdout)
  return fds.map((fd) => {
    const inode = /^socket:\[(\d+)\]$/.exec(readlinkSync(`/proc/${pid}/fd/${fd}`))?.[1]
    const bytes = inode === undefined ? undefined : unread.get(inode)
    if (bytes === undefined) throw new Error(`ss does not report the other end of descriptor ${fd}`)
    return bytes
  })
}

/** Unread bytes of each socket of the output, by the inode of its other end. */
export function unreadByPeer(output: string): ReadonlyMap<string, number> {
  return new Map(
    output.split('\n').flatMap((line) => {
      const [, unread, , peer] = PAIR.exec(line) ?? []
      // Where the kernel does not tell, ss reads /proc/net/unix, which has no inodes of other ends.
      return unread === undefined || peer === undefined || peer === '0'
        ? []
        : [[peer, Number(unread)] as const]
    }),
  )
}
