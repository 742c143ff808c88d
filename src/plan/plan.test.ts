import { expect, test } from 'vitest'
import { supervisedArgv } from './plan.ts'

test('descriptors take the place of whole values and of lists of them, and of nothing else', () => {
  const words = supervisedArgv(
    {
      qemu: { path: '/qemu', version: '7.2' },
      args: [
        ['-netdev', 'tap,id=lan,fds={fd:lan}:{fd:lan.1}:{fd:lan.2}'],
        ['-netdev', 'stream,id=back,addr.type=fd,addr.str={fd:back}'],
        ['-drive', 'file=/tmp/{fd:lan}/disk,if=none'],
      ],
      channels: [],
    },
    { qmpFd: 3, channelFds: {}, joinFds: { lan: 7, 'lan.1': 8, 'lan.2': 9, back: 10 }, keeper: 'k' },
  )
  expect(words).toContain('tap,id=lan,fds=7:8:9')
  expect(words).toContain('stream,id=back,addr.type=fd,addr.str=10')
  expect(words).toContain('file=/tmp/{fd:lan}/disk,if=none')
})
