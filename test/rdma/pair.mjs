/**
 * Runs in the guest that stands for a computer: starts the two guests that share its RDMA device, and prints what was seen
 * as a line of JSON: `node pair.mjs NUMBER`. What is known to stall is tried in number 1 only.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { launchRack } from 'bringup'
import { MULTIPLEXER, multiplexers } from './processes.mjs'

/** A computer that is emulated on a busy one is slow: what stalls is ended in its guest. */
const PATIENT = { timeoutMs: 1_200_000 }
const CONNECTIONS = 2
const SERVER = '10.1.0.10'
const PINGPONG = ['ibv_rc_pingpong', '-d', 'vmw_pvrdma0', '-g', '1', '-n', '100']
const EVENTS = [...PINGPONG.slice(0, 1), '-e', ...PINGPONG.slice(1)]

const addresses = () =>
  execFileSync('ip', ['-o', 'address', 'show', 'dev', 'bringup-rdma'], { encoding: 'utf8' })
    .split('\n')
    .flatMap((line) => / inet6? (\S+)/.exec(line)?.slice(1) ?? [])

/** Both ends, the client once the server listens. A program that stalls is ended in its guest. */
async function both({ a, b }, server, client, isListening) {
  let isOver = false
  const served = a.run(['timeout', '90', ...server], PATIENT).finally(() => {
    isOver = true
  })
  await Promise.race([isListening(a, () => isOver), served])
  const called = b.run(['timeout', '60', ...client, SERVER], PATIENT)
  const ends = await Promise.all([served, called])
  return ends.map(({ exitCode }) => exitCode)
}

/** Of the device: `tx_err : 0` and the like, by name. */
async function counters(guest) {
  const text = await guest.qemu.qmp.execute('human-monitor-command', { 'command-line': 'info rdma' })
  return Object.fromEntries([...text.matchAll(/(\w+)\s*:\s*(\d+)/g)].map(([, name, n]) => [name, Number(n)]))
}

const isPortOpen = (guest) => guest.rdma.listening(18515, PATIENT)
/** A program of the connection manager listens, or has ended. */
async function isBound(guest, isOver) {
  while (!isOver()) {
    const { stdout } = await guest.run(['rdma', 'resource', 'show', 'cm_id'], PATIENT)
    if (stdout.includes('LISTEN')) return
  }
}

async function once(number) {
  const before = addresses()
  const run = await launchRack('pair')
  const seen = { number }
  try {
    const { guests } = run
    const infos = await Promise.all(
      [guests.a, guests.b].map((guest) => guest.run(['ibv_devinfo', '-v'], PATIENT)),
    )
    seen.ports = infos.map(({ stdout }) => /state:\s+(\w+)/.exec(stdout)?.[1])
    seen.addresses = addresses().filter((one) => !before.includes(one))
    // Another user of the port gets no multiplexer.
    const rival = ['20', MULTIPLEXER, '-d', 'rxe0', '-p', '1', '-s', '/tmp/rival']
    seen.rival = spawnSync('timeout', rival).status
    seen.pingpong = await both(guests, PINGPONG, PINGPONG, isPortOpen)
    if (number === 1) seen.events = await both(guests, EVENTS, EVENTS, isPortOpen)
    seen.connections = []
    for (let i = 0; i < CONNECTIONS; i++)
      seen.connections.push(await both(guests, ['rdma_server'], ['rdma_client', '-s'], isBound))
    seen.counters = await Promise.all([guests.a, guests.b].map(counters))
    const log = readFileSync(join(run.folder.path, 'services/rdmacm-mux-rxe0-1/log'), 'utf8')
    seen.isRegistered = log.includes('registered on socket')
    seen.messages = [...new Set([...log.matchAll(/mad_to_vm: \d+ (0x\w+) /g)].map(([, kind]) => kind))]
  } finally {
    await run[Symbol.asyncDispose]()
  }
  seen.left = addresses().filter((one) => !before.includes(one))
  seen.multiplexers = multiplexers().length
  console.log(JSON.stringify(seen))
}

await once(Number(process.argv[2]))
