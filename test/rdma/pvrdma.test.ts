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
/** So many times are the two guests started. */
const REPEATS = Number(process.env.BRINGUP_TEST_REPEATS ?? 1)

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
mkdir -p /opt/second/node_modules && cp -r /kit/second/. /opt/second/ && ln -s /kit/bringup /opt/second/node_modules/bringup
chown -R 1001:1001 /opt/second
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

/**
 * QEMU 7.2 changes `interrupt_request` without a lock where it emulates SVM (target/i386/tcg/sysemu/svm_helper.c), and can
 * lose an interrupt that arrives at that moment. A timer that is set for one time never comes again then; a periodic one does.
 */
const PERIODIC = 'nohz=off highres=off'

interface Seen {
  readonly number: number
  readonly ports: readonly string[]
  readonly addresses: readonly string[]
  /** Exit status of a second multiplexer of the port. */
  readonly rival: number
  readonly pingpong: readonly number[]
  /** Of the first time. */
  readonly events?: readonly number[]
  readonly connections: readonly (readonly number[])[]
  readonly counters: readonly Readonly<Record<string, number>>[]
  readonly isRegistered: boolean
  readonly messages: readonly string[]
  readonly left: readonly string[]
  readonly multiplexers: number
}

/** Starts the two guests, and returns what was seen. */
async function pair(computer: Guest, number: number): Promise<Seen> {
  const line = (await text(computer, `node pair.mjs ${number}`)).trim()
  process.stderr.write(`${line}\n`)
  return JSON.parse(line) as Seen
}

const GOOD = [0, 0]

function proves(seen: Seen): void {
  expect(seen, JSON.stringify(seen)).toMatchObject({
    ports: ['PORT_ACTIVE', 'PORT_ACTIVE'],
    // Programs that wait for events may stall (docs/guide/rdma.md, Limits): they are reported and not demanded.
    rival: 245,
    pingpong: GOOD,
    isRegistered: true,
    left: [],
    multiplexers: 0,
  })
  for (const address of ['10.1.0.10/32', '10.1.0.11/32']) expect(seen.addresses).toContain(address)
  // REQ, REP and RTU.
  for (const kind of ['0x10', '0x13', '0x14']) expect(seen.messages).toContain(kind)
  for (const counters of seen.counters) {
    expect(counters).toMatchObject({ tx_err: 0 })
    for (const name of ['tx', 'rx_bufs', 'comps']) expect(counters[name], name).toBeGreaterThan(0)
  }
}

describe('a computer without RDMA hardware', () => {
  test('two guests share soft-RoCE, and nothing is left', { timeout: 120 * MINUTES }, async ({ launch }) => {
    const computer = await launch(
      {
        cpu: { model: 'max', features: ['+svm'] },
        memory: '4G',
        timeout: '120m',
        boot: { append: PERIODIC },
        devices: [...devices()],
      },
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

    for (let number = 1; number <= REPEATS; number++) proves(await pair(computer, number))

    const wrong = (await text(computer, 'node wrong-hosts.mjs')).trim()
    process.stderr.write(`${wrong}\n`)
    expect(JSON.parse(wrong)).toEqual({
      withoutUmad: ['PVRDMA_NO_UMAD'],
      rival: ['RDMA_MULTIPLEXER_REFUSED'],
      withoutAccess: ['PVRDMA_NO_ACCESS'],
      withoutRoot: ['ROOT_NEEDED'],
      killed: { exitCode: 0, codes: expect.arrayContaining(['RDMA_MULTIPLEXER_DIED']) },
      removed: { exitCode: 0, codes: expect.arrayContaining(['RDMA_DEVICE_GONE']) },
      multiplexers: 0,
    })

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
