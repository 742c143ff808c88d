/** Jobs that a real Slurm ends at a limit: the attempt is lost, which is no verdict about the guest. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { type ClusterOptions, SlurmCluster } from '../support/slurm.ts'
import { SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
})

async function projectWith(sweep: Sweep, options: ClusterOptions = {}): Promise<SlurmProject> {
  cluster = await SlurmCluster.start(options)
  return new SlurmProject(cluster, { s: sweep })
}

it('runs a cell again whose job reached its time limit', async () => {
  const over = { 'boot.append': ['report=no', 'hang'], timeout: ['10m'] }
  const project = await projectWith({ over, slurm: { time: '1m' } })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').some(({ verdict }) => verdict === 'lost'))
  // Another job has taken the cell.
  await running.until(() => project.guestOfJob('hang') !== undefined)
  running.process.kill('SIGINT')
  const { code, stderr } = await running.ended
  expect(code).toBe(130)
  expect(stderr).toMatch(
    /hang, timeout=10m #1: lost on node n\d \(the job ended with TIMEOUT\); it runs again/,
  )
  expect(project.summary('s').counts).toMatchObject({ passed: 1, open: 1, failed: 0 })
  expect(project.leftovers()).toEqual([])
})

it('leaves a cell without result whose jobs reach their memory limit', async () => {
  const size = 2 ** 30
  const project = await projectWith(
    { over: { 'boot.append': ['hang'], timeout: ['10m'] } },
    {
      conf: [
        'JobAcctGatherType=jobacct_gather/linux',
        'JobAcctGatherParams=OverMemoryKill',
        'JobAcctGatherFrequency=task=1',
      ],
    },
  )
  // Memory that bringup does not know of.
  const qemuArgs = ['-object', `memory-backend-ram,id=extra,size=${size},prealloc=on`]
  project.configure({ machines: { default: { memory: '64M', qemuArgs } } })
  const { code, stderr } = await project.sweep('s').ended
  expect(code).toBe(1)
  expect(stderr).toContain('the job ended with FAILED, signal 9')
  const logs = project
    .attempts('s')
    .map(({ host }) => readFileSync(join(cluster?.folder ?? '', `slurmd.${host}.log`), 'utf8'))
  expect(logs.join('')).toContain('exceeded memory limit')
  expect(stderr).toContain('3 jobs ended during its run; it stays without a result')
  expect(project.summary('s').counts).toMatchObject({ open: 1, failed: 0 })
  project.clearScratch()
  expect(project.leftovers()).toEqual([])
})
