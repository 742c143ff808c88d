/**
 * Repeats the proof of soft-RoCE in fresh guests and counts what passed: `npm run runs:rdma -- 20`.
 */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { launchRack } from '../src/index.ts'
import {
  ADDRESSES,
  PINGPONG,
  RDMA_CONFIG,
  RDMA_PAIR,
  RPING,
  runBoth,
  UCMATOSE,
  WRITE,
} from './support/rdma-pair.ts'

const STEPS = [PINGPONG, RPING, UCMATOSE, WRITE]
const runs = Number(process.argv[2] ?? 20)
const folder = mkdtempSync(join(tmpdir(), 'bringup rdma runs '))
const passed = new Map<string, number>()
const count = (name: string, hasPassed: boolean) =>
  passed.set(name, (passed.get(name) ?? 0) + Number(hasPassed))

try {
  writeFileSync(join(folder, 'bringup.config.ts'), RDMA_CONFIG)
  for (let index = 1; index <= runs; index++) {
    await using run = await launchRack(RDMA_PAIR, { folder })
    const { server, client } = run.guests
    if (!server || !client) throw new Error('no pair')
    for (const guest of [server, client]) {
      const { stdout } = await guest.run(['ibv_devinfo'])
      count('ibv_devinfo', /PORT_ACTIVE/.test(stdout))
    }
    for (const step of STEPS) {
      for (const [from, to, address] of [
        [server, client, ADDRESSES.server],
        [client, server, ADDRESSES.client],
      ] as const) {
        const { codes, said } = await runBoth(from, to, address, step)
        const isFine = codes.every((code) => code === 0)
        count(step.name, isFine)
        if (!isFine) console.log(`run ${index}: ${step.name} ended with ${codes.join(' and ')}\n${said}`)
      }
    }
    const soFar = [...passed].map(([name, times]) => `${name} ${times} of ${2 * index}`)
    console.log(`run ${index} of ${runs}: ${soFar.join(', ')}`)
  }
} finally {
  rmSync(folder, { recursive: true, force: true })
}
process.exitCode = [...passed.values()].every((times) => times === 2 * runs) ? 0 : 1
