import { expect, test } from 'vitest'
import { parseMachine } from '../../../machine/machine.ts'
import { linuxRdma, rdmaSettling } from './rdma.ts'

const machine = parseMachine('m', {
  devices: [
    { kind: 'nic', id: 'a', mac: '52:54:00:00:00:01', rdma: 'rxe' },
    { kind: 'nic', id: 'b', mac: '52:54:00:00:00:02', rdma: { kind: 'rxe', name: 'fast' } },
  ],
})
const plan = { name: 'm', machine }
const answer = (stdout: string, exitCode = 0, stderr = '') => ({ stdout, stderr, exitCode })

test('a machine without RDMA devices waits for nothing', () => {
  expect(
    rdmaSettling({ name: 'm', machine: parseMachine('m', { devices: [{ kind: 'nic' }] }) }),
  ).toBeUndefined()
})

test('each card is found by its MAC address; drivers are loaded where the guest does not', async () => {
  const calls: (readonly string[])[] = []
  const run = async (argv: readonly string[]) => {
    calls.push(argv)
    return answer('rxe0 made\nfast made\n')
  }
  expect(await rdmaSettling(plan)?.(run)).toEqual([])
  expect(calls.map((argv) => argv.slice(3))).toEqual([
    ['sh', '52:54:00:00:00:01', 'rxe0', 'rxe', '52:54:00:00:00:02', 'fast', 'rxe'],
  ])
  calls.length = 0
  await rdmaSettling(plan, { loadsDrivers: true })?.(run)
  expect(calls.slice(0, -1).map((argv) => argv.join(' '))).toEqual([
    'modprobe -q crc32_generic',
    'modprobe -q ib_uverbs',
    'modprobe -q rdma_rxe',
    'modprobe -q rdma_ucm',
  ])
})

test('a device that was not made is a finding with what was said of it', async () => {
  const said = 'rxe0 made\nerror: Invalid argument\n[ 5.1] rdma_rxe: no\nfast failed\n'
  expect(await rdmaSettling(plan)?.(async () => answer(said))).toMatchObject([
    {
      code: 'NIC_RDMA_FAILED',
      path: 'devices[1].rdma',
      severity: 'warning',
      what: 'rxe device "fast" of card "b" was not made',
      evidence: ['error: Invalid argument', '[ 5.1] rdma_rxe: no'],
    },
  ])
  const silent = await rdmaSettling(plan)?.(async () => answer('', 127, 'sh: not found'))
  expect(silent).toMatchObject([{ evidence: ['sh: not found'] }, { evidence: ['sh: not found'] }])
})

test('devices that cannot be read, and ports that nothing listens on, are errors', async () => {
  await expect(linuxRdma.devices(async () => answer('', 1, 'no /sys'))).rejects.toMatchObject({
    code: 'RDMA_DEVICES_UNKNOWN',
  })
  const argv: (readonly string[])[] = []
  const late = async (words: readonly string[]) => {
    argv.push(words)
    return answer('', 1)
  }
  await expect(linuxRdma.listening(late, 7174, 50)).rejects.toMatchObject({ code: 'RDMA_NOT_LISTENING' })
  expect(argv[0]?.slice(3)).toEqual(['sh', '7174', '1C06'])
})
