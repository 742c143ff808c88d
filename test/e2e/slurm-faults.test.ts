/** What happens to a sweep on a real Slurm when parts of it fail. The core is in `slurm.test.ts`, errors and limits are in `test/slurm`. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ClusterOptions, SlurmCluster } from '../support/slurm.ts'
import { appends, SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
/** A folder that nodes may have another of. */
let other: string
beforeEach(() => {
  other = mkdtempSync(join(tmpdir(), 'slurm-other-'))
})
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
  rmSync(other, { recursive: true, force: true })
})

async function projectWith(
  sweeps: Readonly<Record<string, Sweep>>,
  options: ClusterOptions = {},
): Promise<SlurmProject> {
  cluster = await SlurmCluster.start(options)
  return new SlurmProject(cluster, sweeps)
}

/** A mount of 64 KiB: less than the kernel takes. */
const tinyAt = (folder: string) => ['-t', 'tmpfs', '-o', 'size=64k,mode=700', 'tmpfs', folder]

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
  project.expectRight('s', 80)
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
  project.expectRight('s', 12)
  const preempted = project.attempts('s').filter(({ verdict }) => verdict === 'preempted')
  expect(preempted.length).toBeGreaterThan(0)
  expect(preempted.every(({ host }) => host === 'n3')).toBe(true)
})

it('reads from the shared folder where the scratch of a node is full', async () => {
  const project = await projectWith(
    { s: { over: { 'boot.append': appends(8) }, repeat: 2, slurm: { scratch: other } } },
    { mounts: { n1: [tinyAt(other)], n2: [tinyAt(other)] } },
  )
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/SLURM_SCRATCH_FULL: n[12]: .*ENOSPC/)
  expect(stderr).not.toMatch(/SLURM_SCRATCH_FULL: n[34]/)
  project.expectRight('s', 16)
})

it('runs two sweeps at once', async () => {
  const project = await projectWith({
    a: { over: { 'boot.append': appends(16) } },
    b: { over: { 'boot.append': appends(16, ' exit=9') } },
  })
  const [a, b] = [project.sweep('a'), project.sweep('b')]
  expect((await a.ended).code).toBe(0)
  expect((await b.ended).code).toBe(1)
  project.expectRight('a', 16)
  project.expectRight('b', 16)
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
  project.expectRight('s', 24)
})

it('lets the jobs of a bringup that was killed finish the sweep by themselves', async () => {
  const project = await projectWith({ s: { over: { 'boot.append': appends(24) } } })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 1)
  running.process.kill('SIGKILL')
  await running.ended
  await cluster?.until(() => cluster?.activeJobs().length === 0)
  project.expectRight('s', 24)
})
