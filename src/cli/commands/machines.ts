/** `bringup machines`: the machines of the project. Reads the description only; starts no QEMU. */
import type { MachineView } from '../../machine/device.ts'
import { type MachineConfig, partsOf, resolveMachines, viewOf } from '../../machine/machine.ts'
import { describeRun } from '../../project/planning.ts'
import type { Project } from '../../project/project.ts'
import { guestNames } from '../../rack/guest-names.ts'
import type { RackConfig } from '../../rack/rack-schema.ts'
import { formatBytes } from '../../units.ts'
import type { Command, Invocation } from '../command.ts'
import type { Output } from '../output.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'list the machines and racks of the project, or show one of them in full',
  arguments: [{ name: '[machine]', description: 'machine or rack to show in full', from: 'machines' }],
  options: [{ flags: '--svg', description: 'write a picture of the machine, as SVG' }],
  examples: [
    { command: 'bringup machines', says: 'the machines of this project' },
    { command: 'bringup machines big', says: 'one machine in full, with defaults' },
    { command: 'bringup machines big --svg > big.svg', says: 'a picture of it' },
    { command: 'bringup machines lab', says: 'the guests of a rack, and what they share' },
    { command: 'bringup machines big --json', says: 'the complete description as JSON' },
  ],
  run: async (invocation) => {
    const project = await invocation.project()
    const [name] = invocation.args
    const wantsPicture = invocation.options.svg === true
    if (wantsPicture && (name === undefined || invocation.output.isJson))
      throw usageError(
        name === undefined ? '--svg draws one machine' : '--svg and --json exclude each other',
        'use `bringup machines NAME --svg`',
      )
    return name === undefined ? list(project, invocation.output) : explain(project, name, invocation)
  },
}

interface Described {
  readonly name: string
  readonly profile: string
  readonly machine: MachineConfig
  readonly view: MachineView
}

/** A machine as a run takes it: with its profile, and all that the profile adds. */
async function describe(project: Project, name: string): Promise<Described> {
  const { profile, machine } = await describeRun({ project, machine: name })
  return { name, profile: profile.name, machine, view: viewOf(name, machine) }
}

async function list(project: Project, output: Output): Promise<number> {
  const names = Object.keys(resolveMachines(project.machines))
  const machines = await Promise.all(names.map((name) => describe(project, name)))
  output.json({
    folder: project.folder,
    configFile: project.configFile ?? null,
    machines: machines.map((one) => ({ ...identify(project, one), machine: one.machine })),
    racks: Object.entries(project.racks).map(([name, rack]) => ({ name, ...rack })),
  })
  if (output.isJson) return 0
  const { formatTable } = await import('../table.ts')
  const rows = machines.map(({ name, profile, machine, view }) => [
    name === project.defaultMachine ? output.colors.bold(name) : name,
    profile,
    `${view.cpus.count}`,
    formatBytes(view.ramBytes),
    view.nodes.length === 0 ? '-' : `${view.nodes.length}`,
    machine.devices.map((d) => d.kind).join(' ') || '-',
    machine.summary ?? '',
  ])
  output.print(formatTable(['machine', 'profile', 'CPUs', 'memory', 'nodes', 'devices', ''], rows, output))
  const racks = Object.entries(project.racks).map(
    ([name, { guests, networks, memory, services, summary }]) => [
      name,
      Object.entries(guests)
        .flatMap(([key, { count }]) => guestNames(key, count))
        .join(' '),
      [networks, memory, services].flatMap(Object.keys).join(' ') || '-',
      summary ?? '',
    ],
  )
  if (racks.length > 0) output.print(`\n${formatTable(['rack', 'guests', 'they share', ''], racks, output)}`)
  output.note(
    output.errorColors.dim(
      `from ${project.configFile ?? 'the built-in default; describe others in bringup.config.ts'}`,
    ),
  )
  return 0
}

function identify(project: Project, { name, profile, machine }: Described) {
  return {
    name,
    summary: machine.summary ?? null,
    profile,
    isDefault: name === project.defaultMachine,
  }
}

async function explain(project: Project, name: string, { output, options }: Invocation): Promise<number> {
  if (!Object.hasOwn(project.machines, name)) {
    const rack = Object.hasOwn(project.racks, name) ? project.racks[name] : undefined
    if (rack) return explainRack(project, { name, rack }, { output, options })
    const names = [...Object.keys(project.machines), ...Object.keys(project.racks)]
    throw usageError(`there is no machine or rack "${name}"`, `it is one of: ${names.join(', ')}`)
  }
  const found = await describe(project, name)
  const { machine, view } = found
  const { topologyOf } = await import('../../machine/topology.ts')
  const topology = topologyOf(name, machine)
  if (options.svg === true) {
    const { topologySvg } = await import('../../machine/topology-svg.ts')
    output.raw(topologySvg(topology))
    return 0
  }
  output.json({ ...identify(project, found), machine, view })
  if (output.isJson) return 0
  const { colors } = output
  const { count, max, sockets, cores, threads } = view.cpus
  const field = (label: string, value: string) => output.print(`${colors.dim(label.padEnd(11))}${value}`)
  field('machine', `${colors.bold(name)}${machine.summary === undefined ? '' : `: ${machine.summary}`}`)
  field('profile', found.profile)
  field('type', `${view.type}, ${machine.arch}, firmware ${view.firmware}, accelerator ${view.accel}`)
  field(
    'CPUs',
    `${count}${max > count ? ` of ${max}` : ''} (${sockets} × ${cores} × ${threads}: sockets, cores, threads)`,
  )
  field('memory', formatBytes(view.ramBytes))
  for (const key of ['kernel', 'esp'] as const) {
    const path = machine.boot[key]
    if (path !== undefined) field(key, path)
  }
  const { topologyTree } = await import('../topology-tree.ts')
  output.print(`\n${topologyTree(topology, colors)}\n`)
  for (const part of partsOf(machine).filter((p) => p.path.startsWith('devices['))) {
    output.print(
      `${colors.dim(`${part.path} `)}${colors.bold(part.device.kind)} ${part.id}: ${part.device.summary}`,
    )
    output.print(`           ${colors.dim(settings(part.config))}`)
  }
  output.note(colors.dim(`\`bringup plan --machine ${name}\` checks it and shows the QEMU command`))
  return 0
}

async function explainRack(
  project: Project,
  { name, rack }: { readonly name: string; readonly rack: RackConfig },
  { output, options }: Pick<Invocation, 'output' | 'options'>,
): Promise<number> {
  if (options.svg === true)
    throw usageError(
      `"${name}" is a rack, and --svg draws one machine`,
      'use `bringup machines MACHINE --svg`',
    )
  output.json({ name, ...rack })
  if (output.isJson) return 0
  const { rackTree } = await import('../rack-tree.ts')
  const { colors } = output
  if (rack.summary !== undefined) output.print(`${rack.summary}\n`)
  output.print(rackTree(name, rack, { machine: project.defaultMachine, colors }))
  output.note(colors.dim(`\`bringup plan --rack ${name}\` checks it and shows the QEMU commands`))
  return 0
}

function settings(config: object): string {
  const shown = Object.entries(config).filter(
    ([key, value]) => key !== 'kind' && key !== 'id' && value !== undefined,
  )
  return shown
    .map(([key, value]) => `${key}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join(' ')
}
