/** What jobs of a real Slurm read: copies in the scratch folder of a node, and what happens when an input changes. */
import { copyFileSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, it } from 'vitest'
import { cacheFolder } from '../../src/project/cache-folder.ts'
import { findProbe } from '../../src/project/probe-build.ts'
import { ownStates } from '../support/own-states.ts'
import { packagedQemu } from '../support/packaged-qemu.ts'
import { SlurmCluster } from '../support/slurm.ts'
import { appends, SlurmProject, type Sweep } from '../support/slurm-sweep.ts'

let cluster: SlurmCluster | undefined
afterEach(async () => {
  await cluster?.[Symbol.asyncDispose]()
  cluster = undefined
})
const states = ownStates()

async function projectWith(sweeps: Readonly<Record<string, Sweep>>): Promise<SlurmProject> {
  cluster = await SlurmCluster.start()
  return new SlurmProject(cluster, sweeps)
}

it('runs an installed QEMU and its firmware from the scratch folder', async () => {
  const { name } = await packagedQemu('^10.0')
  const project = await projectWith({ s: { over: { qemu: [name], 'boot.append': appends(8) }, repeat: 2 } })
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  project.expectRight('s', 16)
  const scratch = new RegExp(`^(?:QEMU_MODULE_DIR=)?${project.scratch}/bringup-[^/]*/content/`)
  for (const attempt of project.attempts('s')) {
    const words = JSON.parse(project.argvOf(attempt)) as string[]
    const program = words.find((word) => word.endsWith('/qemu-system-x86_64'))
    const all = words.filter((word) => word.includes('/qemus/'))
    expect(all).toEqual([])
    expect(program).toMatch(scratch)
    // Its modules, its firmware and the kernel.
    expect(words.filter((word) => scratch.test(word)).length).toBeGreaterThan(3)
  }
})

it('restores saved states from the scratch folder', async () => {
  states.clear()
  const project = await projectWith({
    s: { machine: 'linux', over: { memory: ['192M', '224M'] }, repeat: 4, command: ['cat', '/proc/uptime'] },
  })
  project.configure({ machines: { linux: { profile: 'linux', accel: 'tcg' } } })
  const first = await project.sweep('s').ended
  expect(first).toMatchObject({ code: 0 })
  expect(states.kept()).toHaveLength(2)
  const { code, stderr } = await project.sweep('s').ended
  expect({ code, stderr }).toMatchObject({ code: 0 })
  project.expectRight('s', 8)
  for (const attempt of project.attempts('s')) {
    const argv = project.argvOf(attempt)
    expect(argv).toContain('-incoming')
    expect(argv).toMatch(new RegExp(`mem-path=${project.scratch}/bringup-[^"]*/content/`))
    expect(argv).not.toContain(states.folder.replaceAll(',', ',,'))
  }
})

it('counts no run of a kernel that was built again meanwhile', async () => {
  const project = await projectWith({
    s: { over: { kernel: ['./build/kernel'], 'boot.append': [...appends(40), 'hang'], timeout: ['3s'] } },
  })
  project.configure({ machines: { default: { memory: '64M', profile: 'probe' } } })
  const kernel = join(project.folder, 'build/kernel')
  mkdirSync(join(project.folder, 'build'))
  copyFileSync(findProbe(cacheFolder()).pvh, kernel)
  const running = project.sweep('s')
  await running.until(() => project.attempts('s').length >= 4)
  // Another content, which boots as well.
  writeFileSync(kernel, Buffer.concat([readFileSync(kernel), Buffer.from('another')]))
  const { code, stderr } = await running.ended
  expect({ code, stderr }).toMatchObject({ code: 1 })
  expect(stderr).toMatch(/build\/kernel changed after the sweep was planned, so no new jobs are submitted/)
  expect(stderr).not.toContain('SLURM_')
  const { cells, done } = project.summary('s')
  expect(done).toBeLessThan(41)
  const counted = cells.flatMap(({ attempts, key }) =>
    attempts.filter(({ changed, verdict }) => changed === undefined && verdict === 'passed').map(() => key),
  )
  expect(cells.filter(({ state }) => state === 'passed').map(({ key }) => key)).toEqual(counted)
  expect(project.leftovers()).toEqual([])
  await project.sweep('s', '--resume').ended
  project.expectRight('s', 41)
})
