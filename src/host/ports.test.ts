import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { type AddressInfo, createServer, type ListenOptions, type Server } from 'node:net'
import { afterEach, describe, expect, it } from 'vitest'
import { parseSockets, readPorts } from './ports.ts'

const open: { close(): unknown }[] = []
afterEach(() => {
  for (const socket of open.splice(0)) socket.close()
})

async function listen(options: ListenOptions): Promise<Server & { readonly port: number }> {
  const server = createServer().listen(options)
  open.push(server)
  await once(server, 'listening')
  return Object.assign(server, { port: (server.address() as AddressInfo).port })
}

const tcp = (port: number, address = '127.0.0.1') => ({ protocol: 'tcp', address, port }) as const

describe('ports of this computer', () => {
  it('names who has one, and the next free one', async () => {
    const { port } = await listen({ host: '127.0.0.1', port: 0 })
    const [fact] = await readPorts([tcp(port)])
    expect(fact).toMatchObject({ state: 'taken', holder: { pid: process.pid, uid: process.getuid?.() } })
    expect(fact?.suggestion).toBeGreaterThan(port)
    const [next] = await readPorts([tcp(fact?.suggestion ?? 0)])
    expect(next).toMatchObject({ state: 'free' })
  })

  it('suggests none that the machine itself wants', async () => {
    const { port } = await listen({ host: '127.0.0.1', port: 0 })
    const [fact] = await readPorts([tcp(port), tcp(port + 1)])
    expect(fact?.suggestion).toBeGreaterThan(port + 1)
  })

  it.each([
    ['all addresses', { host: '0.0.0.0' }, '127.0.0.1', 'taken'],
    ['another address', { host: '127.0.0.2' }, '127.0.0.1', 'free'],
    ['another address, and all are wanted', { host: '127.0.0.2' }, '', 'taken'],
    ['all addresses of IPv6 and IPv4', { host: '::' }, '127.0.0.1', 'taken'],
    ['all addresses of IPv6 only', { host: '::', ipv6Only: true }, '127.0.0.1', 'free'],
    ['all addresses of IPv6 only, and both are wanted', { host: '::', ipv6Only: true }, '*', 'free'],
    ['all addresses of IPv4 only, and both are wanted', { host: '0.0.0.0' }, '*', 'free'],
    ['all addresses, and both are wanted', { host: '::' }, '*', 'taken'],
    ['an IPv4 address by way of IPv6', { host: '::ffff:127.0.0.1' }, '127.0.0.1', 'taken'],
  ])('%s: %j, %s is %s', async (_, options, address, state) => {
    const { port } = await listen({ port: 0, ...options })
    expect(await readPorts([tcp(port, address)])).toMatchObject([{ state }])
    // A look leaves nothing behind.
    expect(await readPorts([tcp(port, address)])).toMatchObject([{ state }])
  })

  it('tells TCP and UDP apart', async () => {
    const socket = createSocket('udp4')
    open.push(socket)
    socket.bind({ address: '127.0.0.1', port: 0 })
    await once(socket, 'listening')
    const { port } = socket.address()
    const facts = await readPorts([{ ...tcp(port), protocol: 'udp' }, tcp(port)])
    expect(facts).toMatchObject([{ state: 'taken', holder: { pid: process.pid } }, { state: 'free' }])
  })

  it('reads the kernel’s table', () => {
    const text = `  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode
   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 40723 1 0000000000000000 100 0 0 10 0
   1: 0100007F:46A0 0100007F:1F90 01 00000000:00000000 00:00000000 00000000  1000        0 40724 1 0000000000000000 100 0 0 10 0
`
    const first = { address: '0100007F', port: 18080, uid: 1000, inode: '40723' }
    expect(parseSockets('tcp', text)).toEqual([{ protocol: 'tcp', ...first }])
    expect(parseSockets('udp', text)).toHaveLength(2)
  })
})
