/** What a user is told, on a real Slurm. */
import {
  appendFileSync,
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  rmSync,
  symlinkSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { type ClusterOptions, SlurmCluster } from '../support/slurm.ts'
import { appends, SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
/** Holds the project; nodes may have another folder there. */
let home: string
beforeEach(() => {
  home = mkdtempSync(join(tmpdir(), 'slurm-home-'))
})
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
  rmSync(home, { recursive: true, force: true })
})

const over = { 'boot.append': appends(12) }

async function projectWith(sweep: Partial<Sweep> = {}, options: ClusterOptions = {}): Promise<SlurmProject> {
  cluster = await SlurmCluster.start(options)
  return new SlurmProject(cluster, { s: { over, ...sweep } }, home)
}

const hide = (folder: string) => ['-t', 'tmpfs', '-o', 'size=64k', 'tmpfs', folder]
const everywhere = (...mounts: readonly (readonly string[])[]) => ({
  mounts: { n1: mounts, n2: mounts, n3: mounts, n4: mounts },
})

/** Nothing ran, nothing is recorded, nothing is left. */
async function expectError(
  project: SlurmProject,
  code: string,
  environment: NodeJS.ProcessEnv = {},
): Promise<string> {
  const ended = await project.start(['sweep', 's', '--on', 'slurm'], environment).ended
  expect(ended).toMatchObject({ code: 2 })
  expect(ended.stderr).toContain(`error ${code}`)
  expect(project.sweeps()).toEqual([])
  return ended.stderr
}

it('names the command that is missing', async () => {
  const project = await projectWith()
  const programs = join(home, 'bin')
  mkdirSync(programs)
  for (const name of readdirSync('/usr/bin'))
    if (
      !/^(?:s[a-z]+|scontrol)$/.test(name) ||
      !['sbatch', 'squeue', 'scancel', 'scontrol', 'sinfo'].includes(name)
    )
      symlinkSync(join('/usr/bin', name), join(programs, name))
  expect(await expectError(project, 'SLURM_MISSING', { PATH: programs })).toContain('sbatch is not in PATH')
})

it('passes on what sbatch says', async () => {
  const project = await projectWith({ slurm: { constraint: 'another-cpu' } })
  expect(await expectError(project, 'SLURM_REFUSED')).toMatch(/sbatch: .*[Ii]nvalid feature/)
  expect(project.leftovers()).toEqual([])
})

it('lists the partitions if there is none of that name', async () => {
  const project = await projectWith({ slurm: { partition: 'mian' } })
  const text = await expectError(project, 'SLURM_PARTITION_UNKNOWN')
  expect(text).toContain('no partition "mian"')
  expect(text).toContain('one of: main')
})

it('does not wait for a controller that was down before', async () => {
  const project = await projectWith()
  await cluster?.killController()
  await expectError(project, 'SLURM_NOT_ANSWERING')
})

it('finds that the project is not on a shared file system', async () => {
  const project = await projectWith({}, everywhere(hide(home)))
  await expectError(project, 'SLURM_NOT_SHARED')
  expect(project.leftovers()).toEqual([])
})

it('finds that nodes have no bringup', async () => {
  const dist = fileURLToPath(new URL('../../dist', import.meta.url))
  const project = await projectWith({}, everywhere(hide(dist)))
  await expectError(project, 'SLURM_PROGRAM_MISSING')
  expect(project.leftovers()).toEqual([])
})

it('gives no cells to one node that does not see the project', async () => {
  const project = await projectWith({ repeat: 2 }, { mounts: { n2: [hide(home)] } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(/SLURM_NOT_SHARED: job \d+_\d+ on node n2 ended/)
  project.expectRight('s', 24)
  expect(project.attempts('s').some(({ host }) => host === 'n2')).toBe(false)
})

it('gives no cells to a node with another QEMU', async () => {
  const qemu = '/usr/bin/qemu-system-x86_64'
  const another = join(home, 'qemu')
  copyFileSync(qemu, another)
  appendFileSync(another, 'x')
  const project = await projectWith({ repeat: 2 }, { mounts: { n1: [['--bind', another, qemu]] } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  expect(stderr).toMatch(
    /SLURM_NODE_DIFFERS: node n1 would run .* with another \/usr\/bin\/qemu-system-x86_64/,
  )
  project.expectRight('s', 24)
  expect(
    project
      .attempts('s')
      .filter(({ host }) => host === 'n1')
      .every(({ verdict }) => verdict === 'lost'),
  ).toBe(true)
})

it('submits no new jobs after scancel by hand, and continues with --resume', async () => {
  const project = await projectWith({
    over: { 'boot.append': ['report=no', 'hang'], timeout: ['4s'] },
    repeat: 12,
  })
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length > 1)
  const [job] = cluster?.activeJobs() ?? []
  cluster?.command('scancel', `${job?.array_job_id}`)
  const { code, stderr } = await running.ended
  expect(code).toBe(1)
  expect(stderr).toMatch(/was cancelled, so no new ones are submitted/)
  expect(project.leftovers()).toEqual([])
  await project.sweep('s', '--resume').ended
  project.expectRight('s', 24)
})

it('leaves a cell without result whose jobs are killed three times', async () => {
  const project = await projectWith({ over: { 'boot.append': ['report=no', 'hang'], timeout: ['10m'] } })
  const running = project.sweep('s', '--jobs', '1')
  for (let kills = 1; kills <= 3; kills++) {
    await running.until(() => project.guestOfJob('hang') !== undefined)
    process.kill(project.guestOfJob('hang') ?? 0, 'SIGKILL')
    await running.until(
      () => project.attempts('s').filter(({ verdict }) => verdict === 'lost').length === kills,
    )
  }
  const { code, stderr } = await running.ended
  expect(code).toBe(1)
  expect(stderr).toContain('3 jobs ended during its run; it stays without a result')
  expect(project.summary('s').counts).toMatchObject({ passed: 1, open: 1, failed: 0 })
  project.clearScratch()
  expect(project.leftovers()).toEqual([])
})

it('splits arrays at MaxArraySize', async () => {
  const project = await projectWith({ repeat: 2 }, { conf: ['MaxArraySize=10'] })
  const running = project.sweep('s')
  const arrays = new Set<number>()
  await running.until(() => {
    for (const { array_job_id } of cluster?.jobs() ?? []) arrays.add(array_job_id)
    return project.attempts('s').length > 0
  })
  expect((await running.ended).code).toBe(0)
  expect(arrays.size).toBe(3)
  project.expectRight('s', 24)
})

it('runs cells that use the same file one after another', async () => {
  const machine = {
    memory: '64M',
    devices: [{ kind: 'nvdimm', id: 'pm0', size: '16M', file: join(home, 'shared.img') }],
  }
  const project = await projectWith({ repeat: 1 })
  project.configure({ machines: { default: { ...machine, boot: { append: 'report=no' } } } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  project.expectRight('s', 12)
  const times = project
    .attempts('s')
    .map(({ startedAt, totalMs }) => ({ from: Date.parse(startedAt), to: Date.parse(startedAt) + totalMs }))
    .toSorted((a, b) => a.from - b.from)
  // Starts are rounded to milliseconds.
  expect(times.every(({ from }, index) => index === 0 || from >= (times[index - 1]?.to ?? 0) - 2)).toBe(true)
})
