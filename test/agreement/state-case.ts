/**
 * A random machine boots Linux, is saved, restored, forked twice and compared with its description each time. Devices whose
 * machines cannot be saved are omitted.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { BringupError } from '../../src/diagnostics.ts'
import type { Guest } from '../../src/guest/guest.ts'
import { LaunchError } from '../../src/guest/launch.ts'
import { launch } from '../../src/launch.ts'
import type { MachineInput } from '../../src/machine/machine.ts'
import { parseMachine } from '../../src/machine/machine.ts'
import { partsOf } from '../../src/machine/parts.ts'
import { saveState } from '../../src/saved-state.ts'
import { makeCase } from './cases.ts'

export interface StateCase {
  readonly seed: number
  /** Of the machine among those of the seed. */
  readonly index: number
  readonly qemu?: string | undefined
}

const CARDS = ['none', 'none', 'std', 'cirrus', 'bochs', 'virtio-vga', 'virtio-gpu'] as const

/** The same machine with enough RAM for Linux, sometimes a card or UEFI, and only devices that can be saved. */
function savable(machine: MachineInput, folder: string, { index, qemu }: StateCase): MachineInput {
  const { boot, qemuArgs: _args, memory, numa, ...rest } = machine
  const isUefi = index % 10 === 9
  const given = typeof memory === 'object' ? memory : undefined
  const nodes = nodesOf(numa)
  // Less than 192M in all is not enough for Linux with all drivers, nor 256M for UEFI.
  const least = isUefi ? 256 : 192
  const node = Math.max(96, least / Math.max(1, nodes.filter(({ memory }) => memory !== '0M').length))
  const whole: MachineInput = {
    ...rest,
    boot: { ...(isUefi ? { firmware: 'uefi' } : { rom: boot?.rom ?? 'auto' }) },
    memory: {
      ...(given?.backend === undefined ? {} : { backend: given.backend, prealloc: given.prealloc ?? false }),
      ...(given?.path === undefined ? {} : { path: folder }),
      ...(isInOrder(nodes) && nodes.some((n) => n.memory !== undefined)
        ? {}
        : { size: `${node * Math.max(2, nodes.length)}M` }),
    },
    ...(typeof numa === 'number' || (numa && !isInOrder(nodes)) ? { numa: nodes.length } : {}),
    ...(typeof numa === 'object' && isInOrder(nodes)
      ? { numa: { ...numa, nodes: nodes.map((n) => withRam(n, node)) as never } }
      : {}),
    display: CARDS[index % CARDS.length] ?? 'none',
    timeout: '20m',
    ...(qemu === undefined ? {} : { qemu }),
  }
  const parts = partsOf(parseMachine('case', whole))
  const devices = (whole.devices ?? []).filter((_, i) => {
    const part = parts.find(({ path }) => path === `devices[${i}]`)
    return part?.device.savedState?.(part.config) === true
  })
  return { ...whole, devices }
}

interface Node {
  readonly memory?: string | number
  readonly cpus?: unknown
}

/** Linux numbers nodes by their first CPU, then by their memory: with others, it shows them by other numbers. */
function isInOrder(nodes: readonly Node[]): boolean {
  const places = nodes.flatMap(({ cpus }, node) =>
    Array.isArray(cpus) ? cpus.map((cpu) => [cpu, node]) : [],
  )
  const found = new Set(places.toSorted(([a], [b]) => a - b).map(([, node]) => node))
  return [...found].every((node, i) => node === i)
}

function nodesOf(numa: MachineInput['numa']): readonly Node[] {
  const nodes = typeof numa === 'object' ? numa.nodes : (numa ?? 0)
  return typeof nodes === 'number' ? Array.from({ length: nodes }, () => ({})) : (nodes as readonly Node[])
}

/** A node without memory stays one. */
function withRam(node: Node, mebibytes: number): Node {
  return node.memory === undefined || node.memory === '0M' ? node : { ...node, memory: `${mebibytes}M` }
}

/** What became of a machine. Begins with `DIFFERS` if that is wrong. */
export async function outcomeOfState(one: StateCase): Promise<string> {
  const { machine: given } = makeCase(one.seed, 2 * one.index)
  const folder = mkdtempSync(join(tmpdir(), 'bringup-states-soak-'))
  let done = 'planned'
  try {
    const machine = savable(given, folder, one)
    const start = () => launch(machine, { profile: 'linux', origin: 'state', folder, state: folder })
    await using booted = await start()
    done = 'booted'
    // An earlier case may have saved the same machine.
    if (booted.plan.origin?.kind !== 'state' && booted.plan.origin?.saves === undefined)
      return `boots: ${booted.plan.origin?.because}`
    const kind = machine.boot?.firmware ?? 'direct'
    const first = await wrongIn(booted)
    const { diagnostics } = await booted.close()
    const note = diagnostics.find(({ code }) => code === 'STATE_NOT_SAVED')
    if (note) return `DIFFERS: not saved: ${note.what}`
    await using restored = await start()
    done = 'restored'
    if (restored.plan.origin?.kind !== 'state') return `DIFFERS: ${restored.plan.origin?.because}`
    const second = await wrongIn(restored)
    await using ready = await saveState(restored)
    await using fork = await ready.fork()
    await using other = await ready.fork()
    done = 'forked'
    const [third, fourth] = [await wrongIn(fork), await wrongIn(other)]
    const wrong = first ?? second ?? third ?? fourth
    if (wrong !== undefined) return `DIFFERS: ${wrong}\n${JSON.stringify(machine)}`
    const uuids = [await uuidOf(restored), await uuidOf(fork), await uuidOf(other)]
    if (new Set(uuids).size < uuids.length) return `DIFFERS: the same random numbers: ${uuids.join(', ')}`
    return `saved, restored and forked twice as described (${kind}, ${machine.display === 'none' ? 'no card' : 'a card'})`
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return error instanceof LaunchError || done !== 'planned'
      ? `DIFFERS: ${done}: ${error.message}`
      : `refused: ${error.code}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

async function uuidOf(guest: Guest): Promise<string> {
  return (await guest.readFile('/proc/sys/kernel/random/uuid')).toString()
}

/** What differs from the description. */
async function wrongIn(guest: Guest): Promise<string | undefined> {
  // Linux counts threads of this CPU as cores, which the plan says.
  const isWarned = guest.plan.diagnostics.some(({ code }) => code === 'CPU_THREADS_AS_CORES')
  const differing = (await guest.verify()).find(({ ok, device }) => !ok && !(isWarned && device === 'cpu'))
  return differing && `${differing.device} ${differing.aspect}: ${differing.want}, seen ${differing.got}`
}
