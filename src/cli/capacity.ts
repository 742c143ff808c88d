/** `bringup doctor --capacity`: how many guests of a machine, or how many racks, fit on this computer. */
import { EXIT_CODES } from '../guest/verdict.ts'
import { readTopology } from '../host/topology.ts'
import { plural } from '../plural.ts'
import { describeDemands } from '../project/run-planning.ts'
import {
  bytesOf,
  type Capacity,
  capacityOf,
  cpusOf,
  type Fit,
  MOST,
  type ResourceCount,
} from '../rack/capacity.ts'
import { roomLines } from '../rack/placement-rules.ts'
import { formatRoundBytes } from '../units.ts'
import type { Invocation } from './command.ts'
import type { Output } from './output.ts'
import { formatTable } from './table.ts'
import { usageError } from './usage.ts'

/** Prints it. One that does not fit even once is refused. */
export async function capacity({ options, output, project: load, signal }: Invocation): Promise<number> {
  const { rack, machine, profile } = options
  if (typeof rack === 'string' && typeof machine === 'string')
    throw usageError('--machine and --rack exclude each other', 'name one of them')
  const project = await load()
  const demands = await describeDemands({
    project,
    signal,
    ...(typeof rack === 'string' ? { rack } : {}),
    ...(typeof machine === 'string' ? { machine } : {}),
    ...(typeof profile === 'string' ? { profile } : {}),
  })
  const topology = readTopology()
  const found = capacityOf(demands, topology)
  const named = typeof rack === 'string' ? { rack } : { machine: machine ?? project.defaultMachine }
  const needs = { guests: demands.length, cpus: cpusOf(demands), bytes: bytesOf(demands) }
  output.json({ ...named, ...needs, host: topology, ...found })
  if (!output.isJson) {
    const { colors } = output
    output.print(colors.bold('This computer'))
    for (const line of roomLines(topology)) output.print(line)
    const [[kind, name] = ['machine', '']] = Object.entries(named)
    const guests = demands.length === 1 ? '' : `${plural(demands.length, 'guest')}, `
    output.print(
      `\n${colors.bold(`${kind} ${name}`)} ${colors.dim(`· ${guests}${plural(needs.cpus, 'CPU')}, ${formatRoundBytes(needs.bytes)}`)}`,
    )
    print(found, typeof rack === 'string' ? 'rack' : 'guest', output)
  }
  return Math.max(found.exclusive.fits, found.shared.fits) > 0 ? EXIT_CODES.passed : EXIT_CODES.refused
}

function print({ resources, exclusive, shared }: Capacity, noun: string, output: Output): void {
  const rows = resources.map(({ resource, need, available, enoughFor }) => [
    resource,
    amount(resource, need),
    amount(resource, available),
    enoughFor >= MOST ? `${MOST} or more` : plural(enoughFor, noun),
  ])
  output.print(formatTable(['resource', 'one needs', 'available', 'enough for'], rows, output))
  const rowOf = ({ fits, limit }: Fit) => [
    fits >= MOST ? `${MOST} or more` : plural(fits, noun),
    limit === undefined ? '' : `limited by ${limit}`,
  ]
  output.print('')
  output.print(
    formatTable(
      ['fits', '', ''],
      [
        ['with cores of their own', ...rowOf(exclusive)],
        ['with shared cores', ...rowOf(shared)],
      ],
      output,
    ),
  )
}

const amount = (resource: ResourceCount['resource'], value: number) =>
  resource === 'cores' || resource === 'CPU quota' ? `${value}` : formatRoundBytes(value)
