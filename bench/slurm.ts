/** Sweeps on a Slurm of four nodes on this computer: how well the nodes are filled, and what a cell costs. */
import { existsSync } from 'node:fs'
import { cpus, loadavg } from 'node:os'
import { SlurmCluster } from '../test/support/slurm.ts'
import { SlurmProject } from '../test/support/slurm-sweep.ts'

const NODES = 4
const CELLS = 200
/** The guest waits for so long. */
const WORK_MS = 1000

export async function slurm(): Promise<void> {
  if (!existsSync('/usr/sbin/slurmctld')) {
    console.log('\nSlurm: not measured, since slurmctld is not installed')
    return
  }
  console.log(`\nSlurm, ${NODES} nodes of one core on ${cpus().length} cores`)
  await filled('cells without work', 0)
  await filled(`cells of ${WORK_MS / 1000} s`, WORK_MS)
  console.log(`load afterwards ${loadavg()[0]?.toFixed(1)}`)
}

async function filled(title: string, workMs: number): Promise<void> {
  await using cluster = await SlurmCluster.start({ nodes: NODES, cpus: 1 })
  const values = Array.from({ length: CELLS }, (_, index) => `report=no delay=${workMs} n=${index}`)
  const project = new SlurmProject(cluster, { s: { over: { 'boot.append': values } } })
  const began = performance.now()
  const { code, stderr } = await project.sweep('s').ended
  const tookMs = performance.now() - began
  const attempts = project.attempts('s')
  if (code !== 0 || attempts.length !== CELLS) throw new Error(`the sweep did not pass: ${stderr}`)
  const starts = attempts.map(({ startedAt }) => Date.parse(startedAt))
  const ends = attempts.map(({ totalMs }, index) => (starts[index] ?? 0) + totalMs)
  const busyMs = Math.max(...ends) - Math.min(...starts)
  const workedMs = attempts.reduce((sum, { totalMs }) => sum + totalMs, 0)
  const idealMs = workedMs / NODES
  const seconds = (ms: number) => `${(ms / 1000).toFixed(1)} s`
  const ratio = (ms: number) => (ms / idealMs).toFixed(3)
  console.log(
    `${CELLS} ${title}: ${seconds(tookMs)} from the command to its end, ${ratio(tookMs)} of the work of the runs / nodes (${seconds(idealMs)}); first start to last end ${seconds(busyMs)}, ${ratio(busyMs)} of it; beside its run a cell takes ${((tookMs * NODES - workedMs) / CELLS).toFixed(0)} ms of a node`,
  )
}
