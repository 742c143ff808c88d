/** RDMA in software in a guest with Linux: devices are made of cards before the first command, after every boot. */
import { BringupError, type Diagnostic, defineDiagnostics } from '../../../diagnostics.ts'
import { type RdmaLink, rdmaLinksOf } from '../../../machine/devices/nic-rdma.ts'
import { viewOf } from '../../../machine/machine.ts'
import type { GuestPlan } from '../../../plan/plan.ts'
import type { ProfileRdma, Settling } from '../../profile.ts'
import { answerWithin, NOT_FOUND } from '../../settling.ts'
import { parsePrinted } from './view-files.ts'
import { RDMA_COMMAND, rdmasOf } from './view-rdma.ts'
import { rdmaModulesOf } from './wanted.ts'

export const problems = defineDiagnostics({
  NIC_RDMA_FAILED: {
    severity: 'warning',
    title: 'A guest could not make the RDMA device of a card.',
    why: 'the messages of `rdma link add` and of its kernel are below; "Invalid argument" means that the kernel has no such driver, "No such file or directory" that it has no crc32_generic',
    remedy:
      'boot a kernel with the driver (linux-image-amd64 has rdma_rxe), and check the card: `ip addr` and `rdma link` in the guest',
  },
  RDMA_DEVICES_UNKNOWN: {
    title: 'The guest did not report its RDMA devices.',
    why: 'they are read from /sys/class/infiniband by a command in the guest, which failed',
    remedy: 'mount /sys in the guest, and see the output below',
  },
  RDMA_NOT_LISTENING: {
    title: 'No program of the guest listened on a port in time.',
    why: 'the server has not started, has ended, or uses another port',
    remedy: 'read the output of the server, or raise timeoutMs',
  },
})

/**
 * Arguments: MAC, name and kind of each device. Prints `NAME made` or `NAME failed`, and what was said. The kernel fills
 * in the GIDs after the device is there, on a queue of its own: an address has a GID of ::ffff:… then.
 */
const SCRIPT = `
cardOf() {
  for path in /sys/class/net/*; do
    read -r mac < $path/address && [ "$mac" = "$1" ] && card=\${path##*/} && return
  done
  echo "no network card has the address $1"
  return 1
}
isUp() {
  grep -qs ACTIVE $port/state || return 1
  [ $kind = rxe ] || return 0
  grep -qsv '^[0:]*$' $port/gids/0 || return 1
  [ -z "$(ip -4 -o addr show dev $card scope global)" ] || grep -qs '^0000:0000:0000:0000:0000:ffff:' $port/gids/[0-9]
}
waitUntilUp() {
  tries=600
  until isUp; do
    tries=$((tries - 1))
    if [ $tries = 0 ]; then
      echo "port 1 of $name: state $(cat $port/state), carrier of $card $(cat /sys/class/net/$card/carrier)"
      return 1
    fi
    usleep 100000 2>/dev/null || sleep 0.1
  done
}
make() {
  cardOf $1 || return
  [ -e /sys/class/infiniband/$name ] || rdma link add $name type $kind netdev $card || return
  waitUntilUp
}
while [ $# -gt 2 ]; do
  name=$2 kind=$3 port=/sys/class/infiniband/$2/ports/1
  if make $1 2>&1; then echo "$name made"; else
    dmesg | grep -E 'rxe|siw|rdma|infiniband' | tail -n 3
    echo "$name failed"
  fi
  shift 3
done`

/** Two boots at once on a loaded computer. */
const WAIT_MS = 300_000

/** What the first command waits for; undefined where no card has an RDMA device. */
export function rdmaSettling(
  { name, machine }: Pick<GuestPlan, 'name' | 'machine'>,
  { loadsDrivers = false }: { readonly loadsDrivers?: boolean } = {},
): Settling | undefined {
  const links = rdmaLinksOf(viewOf(name, machine))
  if (links.length === 0) return undefined
  const drivers = loadsDrivers ? rdmaModulesOf(machine) : []
  const words = links.flatMap(({ mac, name: device, kind }) => [mac, device, kind])
  return async (run) => {
    // A kernel has some of them built in; what is missing is in the messages of `rdma`.
    for (const driver of drivers) await answerWithin(run, ['modprobe', '-q', driver], WAIT_MS)
    const { stdout, stderr } = await answerWithin(run, ['sh', '-c', SCRIPT, 'sh', ...words], WAIT_MS)
    return links.flatMap((link) => failure(link, stdout, stderr) ?? [])
  }
}

function failure({ at, name, kind, id }: RdmaLink, stdout: string, stderr: string): Diagnostic | undefined {
  const lines = `${stdout}${stderr}`.split('\n').filter((line) => line !== '')
  if (lines.includes(`${name} made`)) return undefined
  const end = lines.indexOf(`${name} failed`)
  const before = lines.slice(0, Math.max(end, 0)).findLastIndex((line) => / (made|failed)$/.test(line))
  const evidence = end === -1 ? lines.slice(-4) : lines.slice(before + 1, end)
  return problems.NIC_RDMA_FAILED.at(at, `${kind} device "${name}" of card "${id}" was not made`, {
    evidence,
  })
}

/** Listeners of the connection manager are per device; those of TCP are what pingpong and perftest meet over. */
const LISTENING = `
until rdma resource show cm_id 2>/dev/null | grep 'state LISTEN' | grep -Eq "src-addr [^ ]*:$1 ?($| )" ||
  cat /proc/net/tcp /proc/net/tcp6 2>/dev/null | grep -iq "^ *[0-9]*: [0-9A-F]*:$2 [0-9A-F]*:0000 0A"; do
  usleep 50000 2>/dev/null || sleep 0.05
done`

/** How guests with Linux answer `guest.rdma`. */
export const linuxRdma: ProfileRdma = {
  async devices(run) {
    const { stdout, stderr, exitCode } = await run(RDMA_COMMAND)
    if (exitCode === 0) return rdmasOf(parsePrinted(stdout))
    const missing = exitCode === NOT_FOUND ? 'the guest has no sh' : `the command ended with ${exitCode}`
    throw new BringupError([
      problems.RDMA_DEVICES_UNKNOWN.at('', missing, { evidence: `${stdout}${stderr}`.split('\n') }),
    ])
  },
  async listening(run, port, timeoutMs) {
    const hex = port.toString(16).toUpperCase().padStart(4, '0')
    const argv = ['sh', '-c', LISTENING, 'sh', `${port}`, hex]
    const { exitCode, stderr } = await answerWithin(run, argv, timeoutMs)
    if (exitCode === 0) return
    const what = `nothing listened on port ${port} within ${timeoutMs} ms`
    throw new BringupError([
      problems.RDMA_NOT_LISTENING.at('', what, { evidence: stderr === '' ? [] : [stderr] }),
    ])
  },
}
