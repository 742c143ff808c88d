import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { expect, onTestFinished, test } from 'vitest'
import { unreadBehind, unreadByPeer } from './unread.ts'

test('reads the lines of both ends, and none without an inode of the other end', () => {
  const output = [
    'u_str ESTAB  1000   0      * 3655535 * 3655534',
    'u_str ESTAB  0      0      * 3655534 * 3655535',
    'u_str ESTAB  7      0      * 3655536 * 0',
    'u_str LISTEN 0      511    @name 3655499 * 0',
    'u_str ESTAB  3      0      /run/with space 12 * 13',
  ].join('\n')
  expect([...unreadByPeer(output)]).toEqual([
    ['3655534', 1000],
    ['3655535', 0],
  ])
})

test('counts what a process has not read from its end', async () => {
  const child: ChildProcess = spawn('cat', { stdio: ['pipe', 'ignore', 'ignore', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  const socket = child.stdio[3] as Socket
  socket.on('error', () => {})
  const fd = (socket as unknown as { readonly _handle: { readonly fd: number } })._handle.fd
  expect(await unreadBehind(process.pid, [fd])).toEqual([0])
  await new Promise((resolve) => socket.write(Buffer.alloc(123), resolve))
  expect(await unreadBehind(process.pid, [fd])).toEqual([123])
  child.kill('SIGKILL')
  await once(child, 'exit')
})
