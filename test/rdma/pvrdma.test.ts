/**
 * `npm run test:rdma`: para-virtual RDMA without RDMA hardware. A guest stands for a computer; the packed bringup in it
 * makes soft-RoCE and starts two guests that share it, on the SVM that QEMU emulates.
 */
import { afterAll, beforeAll, describe } from 'vitest'
import { rdmaDoctorJson, rdmaStatusJson } from '../../src/cli/shapes.ts'
import type { Guest } from '../../src/guest/guest.ts'
import { expect, test } from '../../src/testing/index.ts'
import { type Kit, makeKit } from './kit.ts'

const MINUTES = 60_000
const HOST = '/run/bringup/host'
const folder = new URL('project', import.meta.url).pathname
const MULTIPLEXER = '/usr/bin/rdmacm-mux'

let kit: Kit
beforeAll(async () => {
  kit = await makeKit()
}, 20 * MINUTES)
afterAll(() => kit?.[Symbol.dispose]())

/** What makes the outer guest a computer with RDMA: libraries, modules, programs, the inner project. */
const SET_UP = `set -e
tar -C /kit/root -c . | tar -C / -x --keep-directory-symlink
ldconfig
mkdir -p /lib/modules && cp -a /kit/lib/modules/. /lib/modules/ && depmod -a
cp /kit/bin/rdmacm-mux ${MULTIPLEXER}
mkdir -p /opt/inner/node_modules && cp -r /kit/inner/. /opt/inner/ && ln -s /kit/bringup /opt/inner/node_modules/bringup
printf '#!/bin/sh\\nexec node /kit/bringup/dist/cli/bin.js "$@"\\n' > /usr/bin/bringup && chmod +x /usr/bin/bringup`

/** A program on the computer; its root is that of the computer the tests run on, beneath an overlay. */
function on(computer: Guest, script: string) {
  const argv = ['chroot', HOST, '/bin/sh', '-c', `cd /opt/inner 2>/dev/null; ${script}`]
  return computer.run(argv, { env: { HOME: '/root' }, timeoutMs: 20 * MINUTES })
}

async function text(computer: Guest, script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await on(computer, script)
  expect(exitCode, `${script}\n${stdout}${stderr}`).toBe(0)
  return stdout
}

async function bringup(computer: Guest, words: string) {
  const { stdout, stderr, exitCode } = await on(computer, `bringup ${words} --json`)
  try {
    return { exitCode, answer: JSON.parse(stdout) as { diagnostics: { code: string; what: string }[] } }
  } catch (cause) {
    throw new Error(`bringup ${words} ended with ${exitCode}\n${stdout}${stderr}`, { cause })
  }
}

const codes = ({ answer }: { answer: { diagnostics: { code: string }[] } }) =>
  answer.diagnostics.map(({ code }) => code)

/** What must be as before once all is taken back. */
const TRACES = `cut -d' ' -f1 /proc/modules | sort; ls /sys/class/net; ls /sys/class/infiniband 2>/dev/null || true`

const devices = () =>
  [
    { kind: 'folder', id: 'root', path: '/', guest: HOST },
    { kind: 'folder', id: 'kit', path: kit.folder, guest: '/kit' },
  ] as const

describe('a computer without RDMA hardware', () => {
  test('two guests share soft-RoCE, and nothing is left', { timeout: 60 * MINUTES }, async ({ launch }) => {
    const computer = await launch(
      { cpu: { model: 'max', features: ['+svm'] }, memory: '4G', timeout: '60m', devices: [...devices()] },
      { profile: 'rdma-host', folder },
    )
    await text(computer, SET_UP)
    const before = await text(computer, TRACES)

    // Nothing is there: the truth, and a machine that does not start.
    const ill = await bringup(computer, 'rdma doctor')
    expect(rdmaDoctorJson.parse(ill.answer)).toMatchObject({ devices: [], hasModules: true })
    expect(ill.exitCode).toBe(2)
    expect(codes(ill)).toEqual(['PVRDMA_NO_DEVICE'])

    // A connection manager that is loaded and held by an open file is named, and nothing is done.
    await text(computer, 'modprobe rdma_ucm')
    const held = await on(computer, 'exec 3<>/dev/infiniband/rdma_cm; bringup rdma up --yes --json')
    expect(held.exitCode).toBe(2)
    expect(held.stdout).toContain('RDMA_MODULE_IN_USE')
    expect(held.stdout).toMatch(/process \d+ \((sh|node)\)/)

    // Loaded only: it is unloaded, with what stops working.
    const up = await bringup(computer, 'rdma up --yes')
    expect(up, JSON.stringify(up)).toMatchObject({ exitCode: 0, answer: { state: 'done' } })
    const status = rdmaStatusJson.parse((await bringup(computer, 'rdma status')).answer)
    expect(status.devices).toMatchObject([
      { name: 'rxe0', isSoft: true, ports: [{ number: 1, state: 'ACTIVE' }] },
    ])
    expect(await text(computer, 'cut -d" " -f1 /proc/modules')).not.toMatch(/^(rdma_cm|ib_cm|rdma_ucm)$/m)
    expect(codes(await bringup(computer, 'rdma doctor'))).toEqual([])

    // KVM counts once a guest has run; files that come over 9p for the first time make the first one slow.
    await on(computer, 'timeout 20 qemu-system-x86_64 -accel kvm -nodefaults -display none -S')
    await text(computer, 'bringup run --rack pair -d')
    const exec = (guest: string, words: string) => text(computer, `bringup exec ${guest} -- ${words}`)
    for (const guest of ['a', 'b']) {
      const seen = await exec(guest, 'ibv_devinfo -v')
      expect(seen).toContain('vmw_pvrdma0')
      expect(seen).toContain('PORT_ACTIVE')
    }
    const addresses = await text(computer, 'ip -o address show dev bringup-rdma')
    for (const address of ['10.1.0.10/32', '10.1.0.11/32']) expect(addresses).toContain(address)

    // The same multiplexer for another run of this user, and none for the second user of the port.
    const rival = await on(computer, `timeout 20 ${MULTIPLEXER} -d rxe0 -p 1 -s /tmp/rival; echo $?`)
    expect(rival.stdout.trim()).toBe('245')

    expect(await pingpong(computer)).toBe(0)
    const info = await text(computer, 'cat .bringup/runs/*/services/rdmacm-mux-rxe0-1/log')
    expect(info).toContain('registered on socket')
    let isConnected = false
    for (let tries = 0; tries < 5 && !isConnected; tries++) isConnected = (await connection(computer)) === 0
    const log = await text(computer, 'cat .bringup/runs/*/services/rdmacm-mux-rxe0-1/log')
    for (const attribute of ['0x10', '0x13', '0x14'])
      expect(log).toMatch(new RegExp(`mad_to_vm: \\d+ ${attribute} `))
    expect(isConnected).toBe(true)

    await text(computer, 'bringup stop --yes >/dev/null 2>&1 || bringup stop')
    const after = await text(computer, 'ip -o address show dev bringup-rdma; pgrep -x rdmacm-mux || true')
    expect(after).not.toContain('10.1.0.')
    expect(after).not.toMatch(/^\d+$/m)
    const down = await bringup(computer, 'rdma down --yes')
    expect(down, JSON.stringify(down)).toMatchObject({ exitCode: 0, answer: { state: 'undone' } })
    const left = await text(computer, TRACES)
    expect(left).not.toMatch(/rxe0|bringup-rdma/)
    expect(left).not.toMatch(/^(rdma_rxe|ib_umad|dummy)$/m)
    // The modules that were loaded before are loaded again.
    expect(left).toMatch(/^rdma_ucm$/m)
    for (const line of before.split('\n').filter(Boolean)) expect(left).toContain(line)
  })
})

/** Starts a server in one guest, and a client in the other once the server listens. */
async function exchange(
  computer: Guest,
  { server, client, ready }: Record<'server' | 'client' | 'ready', string>,
) {
  const script = `bringup exec a -- timeout 60 ${server} > /tmp/server 2>&1 & server=$!
    for i in $(seq 60); do bringup exec a -- sh -c '${ready}' && break; done
    bringup exec b -- timeout 40 ${client} > /tmp/client 2>&1; client=$?
    wait $server; echo "$client $?"; cat /tmp/server /tmp/client >&2`
  const { stdout, stderr } = await on(computer, script)
  process.stderr.write(`${client}: ${stdout}${stderr}\n`)
  const [ofClient = 1, ofServer = 1] = stdout.trim().split(' ').map(Number)
  return ofClient || ofServer
}

const pingpong = (computer: Guest) =>
  exchange(computer, {
    server: 'ibv_rc_pingpong -d vmw_pvrdma0 -g 1 -n 100',
    client: 'ibv_rc_pingpong -d vmw_pvrdma0 -g 1 -n 100 10.1.0.10',
    ready: 'netstat -ltn | grep -q 18515',
  })

const connection = (computer: Guest) =>
  exchange(computer, {
    server: 'rdma_server',
    client: 'rdma_client -s 10.1.0.10',
    ready: 'rdma resource show cm_id | grep -q LISTEN',
  })
