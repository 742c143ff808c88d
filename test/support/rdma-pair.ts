/** Two guests with soft-RoCE over one network, and the programs that prove it: both ends, the server first. */
import type { Guest } from '../../src/index.ts'

export const RDMA_PROGRAMS = ['ibv_devinfo', 'ibv_rc_pingpong', 'rping', 'ucmatose', 'ib_write_bw'] as const

const machine = { memory: '512M', cpu: 1, timeout: '30m' } as const
const member = { machine, profile: 'rdma', nics: [{ network: 'lan', rdma: 'rxe' as const }] }
export const RDMA_PAIR = { networks: { lan: {} }, guests: { server: member, client: member } }
export const ADDRESSES = { server: '10.1.0.10', client: '10.1.0.11' } as const

/** The config of a project whose guests have the programs. */
export const RDMA_CONFIG = `import { defineConfig, linuxProfile } from 'bringup'
export default defineConfig({ profiles: [linuxProfile({ name: 'rdma', programs: ${JSON.stringify(RDMA_PROGRAMS)} })] })
`

export interface RdmaStep {
  readonly name: string
  /** That the server listens on. */
  readonly port: number
  readonly serve: readonly string[]
  readonly call: (address: string) => readonly string[]
}

const step = (port: number, serve: readonly string[], more: readonly string[] = []): RdmaStep => ({
  name: serve[0] ?? '',
  port,
  serve,
  call: (address) => [...serve, ...more, address],
})

/** `-g 1` and `-x 1`: the GID of the IPv4 address. */
export const PINGPONG = step(18515, ['ibv_rc_pingpong', '-d', 'rxe0', '-g', '1', '-n', '100'])
export const RPING: RdmaStep = {
  name: 'rping',
  port: 7174,
  serve: ['rping', '-s', '-C', '10'],
  call: (address) => ['rping', '-c', '-a', address, '-C', '10'],
}
export const UCMATOSE = step(7471, ['ucmatose'], ['-s'])
/** `-u 16`: what was not acknowledged is sent again after 268 ms; the default of 67 ms is short for two emulated CPUs. */
export const WRITE = step(18515, [
  'ib_write_bw',
  '-d',
  'rxe0',
  '-x',
  '1',
  '-s',
  '65536',
  '-n',
  '20',
  '-u',
  '16',
])
/** Six repetitions are the most: soft-RoCE (`rxe_comp.c`) takes 7 for endless ones. Two are too few on a busy computer. */
export const ENDLESS = step(18515, [
  'ib_write_bw',
  ...['-d', 'rxe0', '-x', '1', '-s', '65536', '-R', '--retry_count=6', '-n', '100000'],
])

const PATIENT = { timeoutMs: 300_000 }

/** Starts the server, waits until it listens, starts the client. */
export async function startBoth(
  server: Guest,
  client: Guest,
  address: string,
  { port, serve, call }: RdmaStep,
) {
  const served = server.run(serve, PATIENT)
  await Promise.race([server.rdma.listening(port, PATIENT), served])
  return { served, called: client.run(call(address), PATIENT) }
}

/** Both exit codes, and what was said. */
export async function runBoth(server: Guest, client: Guest, address: string, one: RdmaStep) {
  const { served, called } = await startBoth(server, client, address, one)
  const ends = await Promise.all([served, called])
  return {
    codes: ends.map(({ exitCode }) => exitCode),
    said: ends.map(({ stdout, stderr }) => `${stdout}${stderr}`).join('\n'),
  }
}
