/** `npm run kills:racks [-- --runs N --linux N --kills N --racks N --clients N --bridge --seed S]`: the big dose of `racks.test.ts`. */
import { parseArgs } from 'node:util'
import { makePlace, meet, networksHere, Supervisors, sideBySide } from './racks.ts'

const { values } = parseArgs({
  options: {
    runs: { type: 'string', default: '20' },
    linux: { type: 'string', default: '20' },
    kills: { type: 'string', default: '200' },
    racks: { type: 'string', default: '16' },
    bridge: { type: 'boolean', default: false },
    clients: { type: 'string', default: '4' },
    seed: { type: 'string', default: '1' },
  },
})
const clients = Number(values.clients)
const before = new Set(networksHere())
let bad = 0

async function repeat(what: string, times: number, one: (index: number) => Promise<string | undefined>) {
  let wrong = 0
  for (let index = 0; index < times; index++) {
    const problem = await one(index)
    if (problem === undefined) continue
    wrong += 1
    console.log(`${what} ${index}: ${problem}`)
  }
  bad += wrong
  if (times > 0) console.log(`${times} × ${what}: ${wrong} wrong`)
}

for (const [kind, times] of [
  ['probe', Number(values.runs)],
  ['linux', Number(values.linux)],
] as const) {
  using place = makePlace()
  await repeat(`${kind}, a controller and ${clients} clients`, times, () => meet(kind, place, { clients }))
}
{
  using place = makePlace()
  const supervisors = new Supervisors(place, { clients, hasBridge: values.bridge })
  const first = Number(values.seed) * 100_000
  await repeat('supervisor killed', Number(values.kills), (index) => supervisors.killOne(first + index))
  const { before: early, starting, started } = supervisors.moments
  console.log(
    `killed before the run had a record: ${early}, while guests started: ${starting}, after: ${started}`,
  )
}
if (Number(values.racks) > 0) {
  using place = makePlace()
  await repeat(`${values.racks} racks side by side`, 1, () => sideBySide(Number(values.racks), place))
}
const links = networksHere().filter((name) => !before.has(name))
console.log(`links and namespaces that were not there before: ${links.join(' ') || 'none'}`)
process.exitCode = bad === 0 ? 0 : 1
