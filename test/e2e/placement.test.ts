/** Guests of a rack on cores and memory of their own, on this computer as it is. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { execa } from 'execa'
import { afterAll, describe } from 'vitest'
import { formatCpuList } from '../../src/cpu-list.ts'
import type { Guest } from '../../src/guest/guest.ts'
import { readTopology } from '../../src/host/topology.ts'
import type { RackInput } from '../../src/index.ts'
import { expect, test } from '../../src/testing/index.ts'

const BIN = fileURLToPath(new URL('../../dist/cli/bin.js', import.meta.url))
const host = readTopology()
const cores = host.nodes.flatMap((node) => node.cores)
const one = { cpu: 1, memory: '64M' } as const
const waits = { ...one, boot: { append: 'report=no ready-hang' } } as const

const allowed = (path: string) => /^Cpus_allowed_list:\s*(\S+)$/m.exec(readFileSync(path, 'utf8'))?.[1]
const threadsOf = (pid: number) =>
  readdirSync(`/proc/${pid}/task`).map((thread) => allowed(`/proc/${pid}/task/${thread}/status`))

describe.skipIf(cores.length < 2)('a rack that is placed', () => {
  test('has each guest’s threads on its own core, and its memory on the node', async ({ launchRack }) => {
    const rack: RackInput = { placement: 'pack', guests: { node: { machine: waits, count: 2 } } }
    const run = await launchRack(rack)
    const places = run.plan.guests.map(({ placement }) => placement?.hostCpus ?? [])
    expect(places).toEqual(cores.slice(0, 2))
    // They are listed in the order in which they started.
    for (const [index, { guest: name }] of run.plan.guests.entries()) {
      const guest = run.guests[name] as Guest
      const own = formatCpuList(places[index] ?? [])
      expect(new Set(threadsOf(guest.qemu.pid))).toEqual(new Set([own]))
      if (host.hasNuma) {
        const maps = readFileSync(`/proc/${guest.qemu.pid}/numa_maps`, 'utf8')
        expect(maps.split('\n').filter((line) => line.includes(' bind:'))).toHaveLength(1)
      }
    }
    await run.close()
  })

  test('shows what was bound in the comparison', async ({ launchRack }) => {
    const run = await launchRack({ placement: 'interleave', guests: { node: { machine: one } } })
    const { guests, verdict } = await run.done
    expect(verdict).toBe('passed')
    const rows = guests[0]?.result?.comparison?.filter(({ by }) => by === 'this computer')
    const [core = []] = cores
    expect(rows).toEqual([
      expect.objectContaining({ device: 'cpu', aspect: 'pins', got: `0 on ${core[0]}`, ok: true }),
      expect.objectContaining({ device: 'QEMU', aspect: 'threads', got: formatCpuList(core), ok: true }),
      ...(host.hasNuma
        ? [expect.objectContaining({ device: 'memory', aspect: 'hostNodes', got: 'bind 0', ok: true })]
        : []),
    ])
    expect(guests[0]?.result?.notCompared?.some(({ aspect }) => aspect === 'pins')).toBe(false)
  })

  test('shares what is left by guests with cores of their own', async ({ launchRack }) => {
    const run = await launchRack({
      guests: {
        alone: { machine: waits, placement: 'pack' },
        shared: { machine: { ...waits, cpu: 4 }, count: 2, placement: { cores: 'shared' } },
      },
    })
    const rest = formatCpuList(cores.slice(1).flat())
    for (const name of ['shared-1', 'shared-2'])
      expect(new Set(threadsOf(run.guests[name]?.qemu.pid ?? 0))).toEqual(new Set([rest]))
    await run.close()
  })
})

describe('a rack that does not fit', () => {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-placement-'))
  afterAll(() => rmSync(folder, { recursive: true, force: true }))
  const bringup = async (rack: RackInput, ...args: readonly string[]) => {
    writeFileSync(join(folder, 'bringup.config.json'), JSON.stringify({ racks: { big: rack } }))
    return execa(process.execPath, [BIN, ...args], { cwd: folder, reject: false, stdin: 'ignore' })
  }
  const many = cores.length + 1

  test('is refused before anything starts, with the arithmetic', async () => {
    const rack: RackInput = { placement: 'pack', guests: { node: { machine: one, count: many } } }
    const { exitCode, stderr } = await bringup(rack, 'run', '--rack', 'big')
    expect(exitCode).toBe(2)
    const text = stderr.replaceAll(/\s+/g, ' ')
    expect(text).toContain('PLACEMENT_CORES_SHORT')
    expect(text).toContain(`the guests need ${many} cores and bringup may use ${cores.length}`)
    expect(text).toContain(`node-${many}: needs 1 core, none is left`)
    expect(readdirSync(folder)).toEqual(['bringup.config.json'])
  })

  test('fits with shared cores; the plan shows where', async () => {
    const rack: RackInput = {
      placement: { cores: 'shared', strategy: 'interleave' },
      guests: { node: { machine: one, count: many } },
    }
    const { exitCode, stdout } = await bringup(rack, 'plan', '--rack', 'big')
    expect(exitCode).toBe(0)
    expect(stdout).toContain('Placement on this computer')
    expect(stdout).toMatch(/node-1 +0 +\S+, shared +0 +(?:0|any) +64M/)
  })

  test('runs from its plan as it was placed', async () => {
    const rack: RackInput = { placement: 'pack', guests: { node: { machine: one } } }
    const { stdout } = await bringup(rack, 'plan', '--rack', 'big', '--json')
    writeFileSync(join(folder, 'plan.json'), stdout)
    const { exitCode, stderr } = await bringup(rack, 'run', '--plan', 'plan.json', '--json')
    expect(exitCode, stderr).toBe(0)
    expect(JSON.parse(stdout).guests[0]).toMatchObject({
      pins: [{ cpu: 0, hostCpus: [cores[0]?.[0]] }],
      placement: { hostCpus: cores[0], strategy: 'pack', cores: 'exclusive' },
    })
  })

  test.skipIf(cores.length < 2)('is refused from its plan where a CPU is no longer there', async () => {
    const rack: RackInput = { placement: 'pack', guests: { node: { machine: one, count: 2 } } }
    const { stdout } = await bringup(rack, 'plan', '--rack', 'big', '--json')
    writeFileSync(join(folder, 'plan.json'), stdout)
    const first = formatCpuList(cores[0] ?? [])
    const argv = ['--cpu-list', first, process.execPath, BIN, 'run', '--plan', 'plan.json']
    const { exitCode, stderr } = await execa('taskset', argv, { cwd: folder, reject: false, stdin: 'ignore' })
    expect(exitCode).toBe(2)
    expect(stderr).toContain('PLAN_OUTDATED')
    expect(stderr.replaceAll(/\s+/g, ' ')).toContain('guest "node-2" is placed on CPUs')
  })
})
