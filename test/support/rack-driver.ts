/** Stands for a bringup that runs a rack: prints its events, a JSON line each, and waits to be killed. */
import { launchRack, type RackInput } from '../../src/index.ts'

const [state = '', rack = '{}'] = process.argv.slice(2)
const say = (event: object) => process.stdout.write(`${JSON.stringify(event)}\n`)
await using run = await launchRack(JSON.parse(rack) as RackInput, { state, onEvent: say })
say({ type: 'all started' })
await run.done
