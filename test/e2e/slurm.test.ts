/** Sweeps on a real Slurm: four slurmds, a slurmctld and a munged on loopback. Faults are in `slurm-faults.test.ts`, errors and limits in `test/slurm`. */
import { afterEach, expect, it } from 'vitest'
import { SlurmCluster } from '../support/slurm.ts'
import { appends, SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
})

async function projectWith(sweeps: Readonly<Record<string, Sweep>>): Promise<SlurmProject> {
  cluster = await SlurmCluster.start()
  return new SlurmProject(cluster, sweeps)
}

it('runs an array of 64 cells: verdicts are those of the guests, nothing is left', async () => {
  const over = { 'boot.append': [...appends(14), 'report=no exit=9', 'hang'], timeout: ['3s'] }
  const project = await projectWith({ s: { over, repeat: 4 } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 1 })
  project.expectRight('s', 64)
  const attempts = project.attempts('s')
  expect(attempts).toHaveLength(64)
  expect(new Set(attempts.map(({ host }) => host))).toEqual(new Set(['n1', 'n2', 'n3', 'n4']))
  expect(attempts.every(({ job }) => /^\d+_\d+$/.test(job ?? ''))).toBe(true)
  // QEMU read the kernel from the scratch folder of the node.
  const [first] = attempts
  expect(project.argvOf(first as (typeof attempts)[number])).toContain(`${project.scratch}/bringup-`)
})

it('gives the cells of a node that goes down to the others', async () => {
  const over = { 'boot.append': [...appends(23), 'hang'], timeout: ['2s'] }
  const project = await projectWith({ s: { over, repeat: 2 } })
  const running = project.sweep('s')
  await running.until(() => project.claimsOf('s', 'n2').length > 0)
  await cluster?.powerOff('n2')
  cluster?.command('scontrol', 'update', 'nodename=n2', 'state=down', 'reason=power')
  const { stderr } = await running.ended
  expect(stderr).toContain('lost on node n2')
  const scratch = project.leftovers().filter((one) => !one.endsWith('-n2'))
  expect(scratch).toEqual([])
  project.clearScratch('n2')
  project.expectRight('s', 48)
  const lost = project.attempts('s').filter(({ verdict }) => verdict === 'lost')
  expect(lost.length).toBeGreaterThan(0)
  expect(lost.every(({ host }) => host === 'n2')).toBe(true)
})

it('leaves nothing after Ctrl-C, and continues with --resume', async () => {
  const project = await projectWith({
    s: { over: { 'boot.append': ['report=no', 'hang'], timeout: ['3s'] }, repeat: 12 },
  })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 2)
  running.process.kill('SIGINT')
  expect((await running.ended).code).toBe(130)
  expect(project.leftovers()).toEqual([])
  const before = project.attempts('s').length
  expect(before).toBeLessThan(24)
  expect((await project.sweep('s', '--resume').ended).code).toBe(1)
  project.expectRight('s', 24)
})
