/** Command lines of nrk’s own tool, through bringup’s command line: the machine and the build that the tool makes of them. */
import { cpSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { afterAll, describe, expect, test } from 'vitest'
import { main } from '../../src/cli/main.ts'
import { parseBytes } from '../../src/units.ts'
import { TOOL_LINES, type ToolLine } from '../fixtures/nrk-flags/command-lines.ts'

const home = mkdtempSync(join(tmpdir(), 'bringup nrk '))
const tree = join(home, 'tree')
cpSync(fileURLToPath(new URL('../fixtures/nrk-tree', import.meta.url)), tree, { recursive: true })
writeFileSync(
  join(tree, 'bringup.config.mjs'),
  `export default { profile: 'nrk', machines: { default: { devices: [{ kind: 'nic', id: 'n1', model: 'e1000' }] } } }`,
)
afterAll(() => rmSync(home, { recursive: true }))

async function bringup(...argv: readonly string[]) {
  const out: string[] = []
  const sink = { isTTY: false, write: (text: string) => void out.push(text) }
  const exitCode = await main([...argv, '--json'], {
    stdout: sink,
    stderr: { isTTY: false, write: () => {} },
    env: process.env,
    cwd: tree,
    signal: new AbortController().signal,
    version: '0',
  } as unknown as Parameters<typeof main>[1])
  return { exitCode, json: JSON.parse(out.join('')) as Record<string, unknown> }
}

const codes = ({ json }: { readonly json: Record<string, unknown> }) =>
  ((json.diagnostics ?? []) as readonly { code: string }[]).map((d) => d.code)

interface Machine {
  readonly cpu: { readonly count: number }
  readonly memory: { readonly size: number }
  readonly numa?: { readonly nodes: readonly unknown[] }
  readonly devices: readonly { readonly kind: string; readonly model?: string; readonly size?: number }[]
  readonly pins?: readonly { readonly hostCpus: readonly number[] }[]
}

async function checkMachine(line: ToolLine) {
  const { json } = await bringup('plan', ...line.words)
  const [guest] = json.guests as readonly { readonly machine: Machine; readonly argv: readonly string[] }[]
  if (!guest) throw new Error('the plan has no guest')
  const { machine } = guest
  const argv = guest.argv.join(' ')
  const count = (kind: string) => machine.devices.filter((d) => d.kind === kind)
  if (line.cpus !== undefined) expect(argv).toMatch(new RegExp(`-smp cpus=${line.cpus},`))
  if (line.memory !== undefined) expect(argv).toMatch(new RegExp(`-m (size=)?${line.memory}\\b`))
  expect(argv.match(/-numa node,/g)?.length ?? 0).toBe(line.nodes ?? 0)
  if (line.nodes !== undefined) {
    const backends = argv.match(/-object memory-backend-ram,id=\S*/g) ?? []
    for (const backend of backends) expect(backend).toMatch(/share=on.*host-nodes(\.0)?=0,policy=bind/)
    expect(backends).toHaveLength(line.nodes)
  }
  expect(count('nvdimm').map((d) => d.size)).toEqual((line.pmem ?? []).map(parseBytes))
  expect(count('nic').map((d) => d.model)).toEqual([line.nic ?? 'e1000'])
  for (const word of [(line.argv ?? []).join(' ')]) expect(argv).toContain(word)
  if (line.pins) expect(machine.pins?.map((p) => p.hostCpus[0])).toEqual(line.pins)
}

type Targets = readonly { readonly id: string; readonly actions: readonly Record<string, unknown>[] }[]

async function checkBuild(line: ToolLine) {
  const words = line.words.filter((w) => w !== '-b' && w !== '--nobuild')
  const { json } = await bringup('build', ...words, '--list')
  const targets = json.targets as Targets
  const cargo = (id: string) =>
    (targets.find((t) => t.id === id)?.actions[0]?.argv as readonly string[] | undefined) ?? []
  const between = (id: string) =>
    cargo(id)
      .slice(cargo(id).indexOf('--target') + 2)
      .filter(
        (w, i, all) =>
          w.startsWith('--features') || w === '--no-default-features' || all[i - 1] === '--features',
      )
  if (line.kernel) expect(between('kernel')).toEqual(line.kernel)
  for (const [name, features] of Object.entries(line.modules ?? {})) expect(between(name)).toEqual(features)
  if (line.hasVirtioLibrary) expect(between('vibrio')).toContain('virtio')
  else expect(between('vibrio')).not.toContain(line.nic === 'virtio-net-pci' ? 'e1000' : 'virtio')
  expect(cargo('kernel').includes('--release')).toBe(line.isRelease === true)
  if (line.cmdline !== undefined)
    expect(JSON.stringify(targets.at(-1))).toContain(JSON.stringify(line.cmdline).slice(1, -1))
}

describe('the machine and the build of', () => {
  test.each(TOOL_LINES.map((line) => [line.words.join(' ') || 'no words', line] as const))(
    '%s',
    async (_, line) => {
      await checkMachine(line)
      await checkBuild(line)
    },
  )
})

describe('what has no counterpart is explained, with what to do instead', () => {
  test.each([
    ['-n', 'bringup build'],
    ['--norun', 'bringup build'],
    ['--qemu-monitor', '--qemu-arg -monitor'],
    ['--tap tap2', 'omit it'],
    ['--qemu-ivshmem 1024 --qemu-shmem-path /tmp/x', 'omit it'],
    ['--configure-ipxe', 'omit it'],
    ['--no-reboot', 'omit it'],
    ['--dcm-path x.jar', 'start the scheduler'],
    ['net --workers 2 --no-network-setup', 'bringup run'],
    ['net --network-only', 'omit it'],
  ])('%s', async (text, remedy) => {
    const { json, exitCode } = await bringup('plan', ...text.split(' '))
    const found = json.diagnostics as readonly { code: string; remedy: string }[]
    expect([exitCode, new Set(found.map((d) => d.code))]).toEqual([2, new Set(['NRK_FLAG_REPLACED'])])
    expect(found[0]?.remedy).toContain(remedy)
  })
})

test('--pvrdma needs the RDMA device of this computer, which the tool does not name', async () => {
  const { json, exitCode } = await bringup('plan', '--pvrdma')
  const [found] = json.diagnostics as readonly { code: string; what: string }[]
  expect([exitCode, found?.code]).toEqual([2, 'USAGE'])
  expect(found?.what).toContain('--pvrdma <device')
})

test('a kernel that waits for gdb on a port that is not there is refused before it is started', async () => {
  const refused = await bringup('plan', '--kfeatures', 'gdb')
  expect([refused.exitCode, codes(refused)]).toEqual([2, ['NRK_GDB_UNREACHABLE']])
  expect(codes(await bringup('plan', '--kfeatures', 'gdb', '--kgdb'))).not.toContain('NRK_GDB_UNREACHABLE')
  expect((await bringup('build', '--kfeatures', 'gdb', '-n', '--list')).exitCode).toBe(0)
})

test('-m is a machine where the project has one of that name', async () => {
  const { json } = await bringup('plan', '-m', 'default')
  expect(json.name).toBe('default')
})
