import { describe, expect, test } from 'vitest'
import type { Argument } from '../machine/device.ts'
import {
  forRestoring,
  forSaving,
  ramBlocks,
  sharedFiles,
  withBackends,
  withCopies,
  withoutFiles,
} from './state-args.ts'

const MiB = 2 ** 20
const plain: readonly Argument[] = [['-machine', 'q35,nvdimm=on'], ['-m', '64M'], ['-S']]
const nodes: readonly Argument[] = [
  ['-machine', 'q35'],
  ['-object', 'memory-backend-ram,id=node0-ram,size=1048576,host-nodes=0,policy=bind'],
  ['-numa', 'node,nodeid=0,memdev=node0-ram'],
  ['-object', 'memory-backend-ram,id=node1-ram,size=2097152'],
  ['-numa', 'node,nodeid=1,memdev=node1-ram'],
]

describe('RAM of a guest that is saved', () => {
  test('is in backends of its own, in the order of the arguments', () => {
    expect(withBackends(plain, 64 * MiB)).toEqual([
      ['-object', 'memory-backend-ram,id=ram,size=67108864'],
      ['-machine', 'q35,nvdimm=on,memory-backend=ram'],
      ['-m', '64M'],
      ['-S'],
    ])
    expect(withBackends(nodes, 3 * MiB)).toBe(nodes)
    expect(ramBlocks(nodes)).toEqual([
      { id: 'node0-ram', bytes: MiB },
      { id: 'node1-ram', bytes: 2 * MiB },
    ])
  })

  test('is in memory files first, and private copies of files later', () => {
    expect(forSaving(nodes)[1]).toEqual([
      '-object',
      'memory-backend-memfd,id=node0-ram,size=1048576,host-nodes=0,policy=bind,share=on',
    ])
    const restored = forRestoring(nodes, (id) => `/a,b/${id}.ram`)
    expect(restored[0]).toEqual(['-incoming', 'defer'])
    expect(restored[4]).toEqual([
      '-object',
      'memory-backend-file,id=node1-ram,size=2097152,mem-path=/a,,b/node1-ram.ram,share=off',
    ])
    expect(withoutFiles(restored, '/a,b')).toEqual([
      nodes[0],
      ['-object', 'memory-backend-ram,id=node0-ram,size=1048576'],
      nodes[2],
      nodes[3],
      nodes[4],
    ])
  })
})

test('RAM in a memory file is kept as RAM in anonymous memory is, unless others share it or its pages are huge', () => {
  const memfd = (rest: string): Argument => ['-object', `memory-backend-memfd,id=m,size=4096,${rest}`]
  const alone = [memfd('share=off,prealloc=on')]
  expect(ramBlocks(alone)).toEqual([{ id: 'm', bytes: 4096 }])
  expect(forSaving(alone)).toEqual([memfd('prealloc=on,share=on')])
  expect(forRestoring(alone, () => '/m.ram')[1]).toEqual([
    '-object',
    'memory-backend-file,id=m,size=4096,prealloc=on,mem-path=/m.ram,share=off',
  ])
  for (const rest of ['share=on', 'hugetlb=on,share=off']) {
    expect(ramBlocks([memfd(rest)])).toEqual([])
    expect(forSaving([memfd(rest)])).toEqual([memfd(rest)])
  }
})

test('finds the files that memory is written to', () => {
  const file = (id: string, rest: string): Argument => [
    '-object',
    `memory-backend-file,id=${id},size=4096,mem-path=/${id},${rest}`,
  ]
  const args = [
    file('a', 'share=on'),
    file('b', 'share=off'),
    file('c', 'share=on,readonly=on'),
    plain[0] as Argument,
  ]
  expect(sharedFiles(args)).toEqual(new Set(['a', 'c']))
})

test('stores become private copies of what was saved', () => {
  const store = (path: string, rest: string): Argument => [
    '-object',
    `memory-backend-file,id=pm0-memory,mem-path=${path},size=67108864,${rest}`,
  ]
  const args = [store('/x,,y/pm0.img', 'share=on,pmem=on'), store('/other.img', 'share=on')]
  expect(withCopies(args, new Map([['/x,y/pm0.img', '/state,1/pm0.store']]))).toEqual([
    store('/state,,1/pm0.store', 'share=off'),
    store('/other.img', 'share=on'),
  ])
})
