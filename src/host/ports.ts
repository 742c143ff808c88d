/** Whether ports of this computer can be listened on, and who has those that are taken. Source: proc(5), `/proc/net/tcp`. */
import { createSocket } from 'node:dgram'
import { once } from 'node:events'
import { readlinkSync } from 'node:fs'
import { createServer } from 'node:net'
import type { HostPort, PortFact } from '../machine/facts.ts'
import { listFolder, readText } from './read-file.ts'

/** A socket that listens, or for UDP one that is bound. */
interface Bound {
  readonly protocol: HostPort['protocol']
  /** Hexadecimal, as the kernel writes it. */
  readonly address: string
  readonly port: number
  readonly uid: number
  readonly inode: string
}

const TABLES = [
  ['tcp', 'tcp'],
  ['tcp', 'tcp6'],
  ['udp', 'udp'],
  ['udp', 'udp6'],
] as const
const LISTENS = '0A'
const ANY_V4 = '00000000'
const ANY_V6 = '0'.repeat(32)
/** `::ffff:0.0.0.0`, as three words of the host's byte order and an IPv4 address. */
const MAPPED = `${'0'.repeat(16)}FFFF0000`
/** IPv4 and IPv6 alike. The empty address stands for all of IPv4. */
const EVERY_ADDRESS = '*'
const LOWEST = 1024
const HIGHEST = 65_535

/** `   0: 0100007F:46A0 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 12345 1 …` */
const LINE = /^\s*\d+: ([0-9A-F]+):([0-9A-F]{4}) \S+ ([0-9A-F]{2}) \S+ \S+ \S+\s+(\d+)\s+\d+ (\d+)/

/** Reads `/proc/net/{tcp,tcp6,udp,udp6}`. */
export function parseSockets(protocol: HostPort['protocol'], text: string): readonly Bound[] {
  return text.split('\n').flatMap((line) => {
    const [, address = '', port = '', state, uid, inode = ''] = LINE.exec(line) ?? []
    if (address === '' || (protocol === 'tcp' && state !== LISTENS)) return []
    return [{ protocol, address, port: Number.parseInt(port, 16), uid: Number(uid), inode }]
  })
}

/**
 * What is known of each port. Nothing is bound where the kernel's tables tell; where they do not (a listener on `::` may
 * or may not have the port of IPv4 too, a low port may be allowed), the port is bound for a moment.
 */
export async function readPorts(wanted: readonly HostPort[]): Promise<readonly PortFact[]> {
  if (wanted.length === 0) return []
  const bound = TABLES.flatMap(([protocol, file]) =>
    parseSockets(protocol, readText('/proc/net', file) ?? ''),
  )
  const start = Number(readText('/proc/sys', 'net/ipv4/ip_unprivileged_port_start') ?? LOWEST)
  return Promise.all(wanted.map((port) => portFact(port, { wanted, bound, start })))
}

interface World {
  readonly wanted: readonly HostPort[]
  readonly bound: readonly Bound[]
  /** The first port that every user may listen on. */
  readonly start: number
}

async function portFact(port: HostPort, world: World): Promise<PortFact> {
  const isOfPort = (b: Bound) => b.protocol === port.protocol && b.port === port.port
  const rivals = world.bound.filter((b) => isOfPort(b) && mayMeet(b.address, port.address))
  const rival = rivals.find((b) => b.address !== ANY_V6) ?? rivals[0]
  const isUnclear = rival?.address === ANY_V6 || (rival && port.address === EVERY_ADDRESS)
  const mustTry = isUnclear || (rival === undefined && port.port < world.start)
  const error = mustTry ? await bindError(port) : rival && 'EADDRINUSE'
  if (error === 'EADDRINUSE')
    return {
      ...port,
      state: 'taken',
      ...(rival ? { holder: holderOf(rival) } : {}),
      ...freeFrom(port, world),
    }
  if (error === 'EACCES')
    return { ...port, state: 'privileged', firstOpen: world.start, ...freeFrom(port, world) }
  return { ...port, state: 'free' }
}

/** Whether two sockets with these addresses cannot have the same port. */
function mayMeet(theirs: string, ours: string): boolean {
  if (ours === EVERY_ADDRESS) return true
  const mine = hexAddress(ours)
  if (theirs === ANY_V6 || theirs === ANY_V4 || theirs === `${MAPPED}${ANY_V4}`) return true
  if (mine === ANY_V4) return theirs.length === ANY_V4.length || theirs.startsWith(MAPPED)
  return theirs === mine || theirs === `${MAPPED}${mine}`
}

/** The kernel prints the four bytes as one number of a little-endian computer. Names of hosts stand for all addresses. */
function hexAddress(address: string): string {
  const bytes = address.split('.').map(Number)
  if (bytes.length !== 4 || bytes.some((b) => !(b >= 0 && b <= 255))) return ANY_V4
  return bytes
    .toReversed()
    .map((b) => b.toString(16).padStart(2, '0').toUpperCase())
    .join('')
}

/** QEMU is content with one of IPv4 and IPv6 where both are wanted (tried with 7.2). */
async function bindError({ protocol, address, port }: HostPort): Promise<string | undefined> {
  if (address === EVERY_ADDRESS)
    return (
      (await bindError({ protocol, address: '', port })) &&
      (await bindError({ protocol, address: '::', port }))
    )
  const host = address === '' ? '0.0.0.0' : address
  if (protocol === 'udp') {
    const socket = createSocket('udp4')
    const outcome = onceOr(socket, 'listening')
    socket.bind({ port, address: host, exclusive: true })
    const error = await outcome
    socket.close()
    return error
  }
  const server = createServer()
  const outcome = onceOr(server, 'listening')
  server.listen({ host, port, exclusive: true, ipv6Only: host === '::' })
  const error = await outcome
  server.close()
  return error
}

async function onceOr(emitter: NodeJS.EventEmitter, event: string): Promise<string | undefined> {
  try {
    await once(emitter, event)
    return undefined
  } catch (error) {
    return (error as NodeJS.ErrnoException).code
  }
}

function holderOf({ inode, uid }: Bound): NonNullable<PortFact['holder']> {
  const pid = pidOf(inode)
  return pid === undefined ? { uid } : { uid, pid, command: readText('/proc', `${pid}/comm`) ?? '?' }
}

/** The process that has the socket open; undefined when it belongs to another user. */
function pidOf(inode: string): number | undefined {
  const link = `socket:[${inode}]`
  const isOpenIn = (pid: string) =>
    listFolder('/proc', `${pid}/fd`).some((fd) => linkOr(`/proc/${pid}/fd/${fd}`) === link)
  const pid = listFolder('/', 'proc').find((name) => /^\d+$/.test(name) && isOpenIn(name))
  return pid === undefined ? undefined : Number(pid)
}

/** The next port that nothing has: above the one wanted, or for a low one 8000 above, as 8080 stands for 80. */
function freeFrom(
  { protocol, port }: HostPort,
  { wanted, bound, start }: World,
): Pick<PortFact, 'suggestion'> {
  const used = new Set(
    [...bound, ...wanted].flatMap((other) => (other.protocol === protocol ? [other.port] : [])),
  )
  const least = Math.max(start, LOWEST)
  const first = port < least ? Math.max(port + 8000, least) : port + 1
  for (let next = first; next <= HIGHEST; next++) if (!used.has(next)) return { suggestion: next }
  return {}
}

function linkOr(path: string): string | undefined {
  try {
    return readlinkSync(path)
  } catch {
    return undefined
  }
}
