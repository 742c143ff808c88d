import { expect, test } from 'vitest'
import { providerPaths, rdmaProviders } from './rdma-providers.ts'

/** As in libibverbs 44 of Debian 12. */
const LIBRARY = Buffer.from(
  'lib%s-rdmav34.so\0/etc/libibverbs.d\0\0/usr/lib/x86_64-linux-gnu/libibverbs/lib%s-rdmav34.so\0',
)

test('libibverbs itself says where it looks for a provider', () => {
  expect(providerPaths(LIBRARY, ['rxe', 'siw'])).toEqual([
    '/usr/lib/x86_64-linux-gnu/libibverbs/librxe-rdmav34.so',
    '/usr/lib/x86_64-linux-gnu/libibverbs/libsiw-rdmav34.so',
  ])
  expect(providerPaths(Buffer.from('nothing'), ['rxe'])).toEqual([])
})

test('a program without libibverbs, and a guest without RDMA, get no providers', async () => {
  const context = { folder: '/nowhere', signal: new AbortController().signal, progress: () => {} }
  const none = { entries: [], missing: [] }
  const plain = [{ from: '/bin/sh', to: '/bin/sh' }]
  expect(await rdmaProviders(['rxe'], context)(plain, ['/'])).toEqual(none)
  const verbs = [{ from: '/nowhere', to: '/lib/x86_64-linux-gnu/libibverbs.so.1' }]
  expect(await rdmaProviders([], context)(verbs, ['/'])).toEqual(none)
})
