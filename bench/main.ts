/** `npm run bench [-- NAME…]`: prints figures and asserts nothing. Without names, all of them. */
import { loadavg } from 'node:os'
import { bare } from './bare.ts'
import { bulk } from './bulk.ts'
import { cli } from './cli.ts'
import { compile } from './compile.ts'
import { console as consoleBench } from './console.ts'
import { display } from './display.ts'
import { linux } from './linux.ts'
import { networks } from './networks.ts'
import { racks } from './racks.ts'
import { screen } from './screen.ts'
import { slurm } from './slurm.ts'
import { states } from './states.ts'
import { sweeps } from './sweeps.ts'
import { tests } from './tests.ts'
import { tiny } from './tiny.ts'

const BENCHES: Readonly<Record<string, () => Promise<void>>> = {
  bare,
  tiny,
  cli,
  linux,
  states,
  tests,
  networks,
  racks,
  sweeps,
  slurm,
  console: consoleBench,
  bulk,
  compile,
  display,
  screen,
}

const names = process.argv.slice(2)
const unknown = names.filter((name) => !Object.hasOwn(BENCHES, name))
if (unknown.length > 0) {
  console.error(`no bench ${unknown.join(', ')}; there are: ${Object.keys(BENCHES).join(', ')}`)
  process.exit(2)
}
console.log(
  `node ${process.version}, load ${loadavg()
    .map((n) => n.toFixed(1))
    .join(' ')}`,
)
for (const name of names.length > 0 ? names : Object.keys(BENCHES)) await BENCHES[name]?.()
