/**
 * `npm run soak:states -- --cases 40 [--seed N] [--first N]`: random machines that boot Linux, are saved, restored twice
 * and compared with their description. Devices whose machines cannot be saved are omitted.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { BringupError } from '../src/diagnostics.ts'
import { LaunchError } from '../src/guest/launch.ts'
import { launch } from '../src/launch.ts'
import type { MachineInput } from '../src/machine/machine.ts'
import { parseMachine } from '../src/machine/machine.ts'
import { partsOf } from '../src/machine/parts.ts'
import { makeCase } from './agreement/cases.ts'
import { seedFrom } from './agreement/tally.ts'

const { values } = parseArgs({
  options: {
    cases: { type: 'string', default: '40' },
    seed: { type: 'string' },
    first: { type: 'string', default: '0' },
    qemu: { type: 'string' },
  },
})
const seed = seedFrom(values.seed, Date.now() % 1_000_000_000)
const counts = new Map<string, number>()
let wrong = 0
for (let index = Number(values.first); index < Number(values.first) + Number(values.cases); index++) {
  const machine = savable(makeCase(seed, 2 * index).machine)
  const said = await outcome(machine)
  counts.set(said, (counts.get(said) ?? 0) + 1)
  if (!said.startsWith('DIFFERS')) continue
  wrong += 1
  console.log(`case ${index}: ${said}\n${JSON.stringify(machine)}`)
}
for (const [said, count] of counts) console.log(`${count} × ${said}`)
console.log(`${values.cases} machines, ${wrong} wrong (seed ${seed})`)
process.exit(wrong === 0 ? 0 : 1)

/** The same machine with a direct boot, enough RAM for Linux, and only devices that can be saved. */
function savable(machine: MachineInput): MachineInput {
  const { boot: _boot, qemuArgs: _args, memory: _memory, numa, ...rest } = machine
  const nodes = typeof numa === 'object' && numa !== null && 'nodes' in numa ? numa.nodes : numa
  const nodeCount = Array.isArray(nodes) ? nodes.length : typeof nodes === 'number' ? nodes : 1
  const whole: MachineInput = {
    ...rest,
    memory: `${96 * Math.max(2, nodeCount)}M`,
    ...(nodeCount > 1 ? { numa: nodeCount } : {}),
    timeout: '20m',
    ...(values.qemu === undefined ? {} : { qemu: values.qemu }),
  }
  const parts = partsOf(parseMachine('case', whole))
  const devices = (whole.devices ?? []).filter((_, i) => {
    const part = parts.find(({ path }) => path === `devices[${i}]`)
    return part?.device.savedState?.(part.config) === true
  })
  return { ...whole, devices }
}

/** What became of a machine. */
async function outcome(machine: MachineInput): Promise<string> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-states-soak-'))
  const start = () => launch(machine, { profile: 'linux', origin: 'state', folder, state: folder })
  const kinds: string[] = []
  try {
    for (const name of ['first', 'second', 'third']) {
      await using guest = await start()
      kinds.push(guest.plan.origin?.kind ?? '')
      if (kinds.length === 1 && guest.plan.origin?.saves === undefined && guest.plan.origin?.kind === 'boot')
        return `boots: ${guest.plan.origin.because}`
      // Linux counts threads of this CPU as cores, which the plan says.
      const isWarned = guest.plan.diagnostics.some(({ code }) => code === 'CPU_THREADS_AS_CORES')
      const differing = (await guest.verify()).filter(
        ({ ok, device }) => !ok && !(isWarned && device === 'cpu'),
      )
      const [first] = differing
      if (first) return `DIFFERS: ${name} ${first.device} ${first.aspect}: ${first.want}, seen ${first.got}`
      await guest.close()
    }
    const restored = kinds.slice(1).every((kind) => kind === 'state')
    return restored ? 'saved, and restored twice as described' : `DIFFERS: started by ${kinds.join(', ')}`
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return error instanceof LaunchError || kinds.length > 0
      ? `DIFFERS: ${kinds.join(', ')}: ${error.message}`
      : `refused: ${error.code}`
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}
