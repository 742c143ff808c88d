/** Stands for a bringup that starts a network and is killed: prints the process of the switch, and waits. */
import { startNetwork } from '../../src/network/start-network.ts'

const [plan = '', folder = ''] = process.argv.slice(2)
const network = await startNetwork(JSON.parse(plan), { folder })
process.stdout.write(`${network.pid}\n`)
