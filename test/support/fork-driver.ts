/** Stands for a bringup that saves a rack and runs forks of it: prints the processes of its QEMUs, and waits to be killed. */
import { launchRack, type RackInput, saveState } from '../../src/index.ts'

const [state = '', rack = '{}', text = ''] = process.argv.slice(2)
await using run = await launchRack(JSON.parse(rack) as RackInput, { state })
await Promise.all(Object.values(run.guests).map((guest) => guest.console.expect(text)))
await using saved = await saveState(run)
const forks = [await saved.fork(), await saved.fork()]
const all = [run, ...forks]
const pids = all.flatMap(({ guests, networks }) => [
  ...Object.values(guests).map(({ qemu }) => qemu.pid),
  ...Object.values(networks).map(({ pid }) => pid),
])
process.stdout.write(`${JSON.stringify({ pids })}\n`)
await Promise.all(all.map(({ done }) => done))
