/** Sweeps on a real Slurm: four slurmds, a slurmctld and a munged on loopback. Each test has a cluster of its own. */
import { afterEach, expect, it } from 'vitest'
import { type ClusterOptions, SlurmCluster } from '../support/slurm.ts'
import { SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
})

async function projectWith(
  sweeps: Readonly<Record<string, Sweep>>,
  options: ClusterOptions = {},
  config: object = {},
): Promise<SlurmProject> {
  cluster = await SlurmCluster.start(options)
  return new SlurmProject(cluster, sweeps, config)
}

/** Cells whose verdicts are known. */
const appends = (count: number, more = '') =>
  Array.from({ length: count }, (_, index) => `report=no n=${index}${more}`)

/** A folder that a test gives to the nodes, and a mount of 64 KiB over it: less than the kernel takes. */
async function smallScratch() {
  const { mkdtempSync } = await import('node:fs')
  const { tmpdir } = await import('node:os')
  const { join } = await import('node:path')
  return { scratch: mkdtempSync(join(tmpdir(), 'slurm-scratch-')) }
}
const tinyAt = (folder: string) => ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder]

/** Every cell has the verdict that its kernel decides, and nothing is left. */
function expectRight(project: SlurmProject, name: string, count: number): void {
  const { done, wanted, cells } = project.summary(name)
  expect({ done, wanted }).toEqual({ done: count, wanted: count })
  for (const { label, state, worst } of cells) {
    const right = label.includes('exit=9')
      ? { state: 'failed', worst: 'failed' }
      : label.includes('hang')
        ? { state: 'failed', worst: 'timed-out' }
        : { state: 'passed', worst: 'passed' }
    expect({ label, state, worst }).toEqual({ label, ...right })
  }
  expect(project.leftovers()).toEqual([])
}

it('runs an array of 64 cells: verdicts are those of the guests, nothing is left', async () => {
  const over = { 'boot.append': [...appends(14), 'report=no exit=9', 'hang'], timeout: ['3s'] }
  const project = await projectWith({ s: { over, repeat: 4 } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 1 })
  expectRight(project, 's', 64)
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
  expectRight(project, 's', 48)
  const lost = project.attempts('s').filter(({ verdict }) => verdict === 'lost')
  expect(lost.length).toBeGreaterThan(0)
  expect(lost.every(({ host }) => host === 'n2')).toBe(true)
})

it('waits for a slurmctld that was killed and comes back', async () => {
  const project = await projectWith({
    s: { over: { 'boot.append': ['report=no', 'hang'], timeout: ['3s'] }, repeat: 40 },
  })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 2)
  await cluster?.killController()
  await running.until(() => running.stderr.includes('does not answer; waiting'))
  cluster?.startController()
  const { stderr } = await running.ended
  expect(stderr).toContain('answers again')
  expectRight(project, 's', 80)
})

it('runs a preempted cell again, and counts it neither as passed nor as failed', async () => {
  const project = await projectWith(
    { s: { over: { 'boot.append': ['hang'], timeout: ['4s'] }, repeat: 12, slurm: { partition: 'low' } } },
    {
      conf: ['PreemptType=preempt/partition_prio', 'PreemptMode=CANCEL'],
      partitions: [
        'PartitionName=low Nodes=ALL Default=YES MaxTime=60 PriorityTier=1 State=UP',
        'PartitionName=high Nodes=ALL MaxTime=60 PriorityTier=9 State=UP',
      ],
    },
  )
  const running = project.sweep('s')
  await running.until(() => project.claimsOf('s', 'n3').length > 0)
  cluster?.command(
    'sbatch',
    '--partition=high',
    '--nodelist=n3',
    '--exclusive',
    '--output=/dev/null',
    '--wrap=true',
  )
  await running.ended
  expectRight(project, 's', 12)
  const preempted = project.attempts('s').filter(({ verdict }) => verdict === 'preempted')
  expect(preempted.length).toBeGreaterThan(0)
  expect(preempted.every(({ host }) => host === 'n3')).toBe(true)
})

it('reads from the shared folder where the scratch of a node is full', async () => {
  const { scratch } = await smallScratch()
  const project = await projectWith(
    { s: { over: { 'boot.append': appends(8) }, repeat: 2, slurm: { scratch } } },
    { mounts: { n1: [tinyAt(scratch)], n2: [tinyAt(scratch)] } },
  )
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/SLURM_SCRATCH_FULL: n[12]: .*ENOSPC/)
  expect(stderr).not.toMatch(/SLURM_SCRATCH_FULL: n[34]/)
  expectRight(project, 's', 16)
})

it('runs two sweeps at once', async () => {
  const project = await projectWith({
    a: { over: { 'boot.append': appends(16) } },
    b: { over: { 'boot.append': appends(16, ' exit=9') } },
  })
  const [a, b] = [project.sweep('a'), project.sweep('b')]
  expect((await a.ended).code).toBe(0)
  expect((await b.ended).code).toBe(1)
  expectRight(project, 'a', 16)
  expectRight(project, 'b', 16)
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
  expectRight(project, 's', 24)
})

it('finds the jobs of a bringup that was killed', async () => {
  const project = await projectWith({
    s: { over: { 'boot.append': ['report=no', 'hang'], timeout: ['4s'] }, repeat: 12 },
  })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 2)
  running.process.kill('SIGKILL')
  await running.ended
  expect(cluster?.activeJobs().length).toBeGreaterThan(0)
  const { stderr } = await project.sweep('s', '--resume').ended
  expect(stderr).toContain('jobs of an earlier call')
  expectRight(project, 's', 24)
})

it('lets the jobs of a bringup that was killed finish the sweep by themselves', async () => {
  const project = await projectWith({ s: { over: { 'boot.append': appends(24) } } })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 1)
  running.process.kill('SIGKILL')
  await running.ended
  await cluster?.until(() => cluster?.activeJobs().length === 0)
  expectRight(project, 's', 24)
})
