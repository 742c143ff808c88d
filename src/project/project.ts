/** A project: a folder with a description of machines, and the state that bringup keeps beside it. */
import { dirname, join, resolve } from 'node:path'
import type { BuildOptionValue } from '../build/options.ts'
import type { MachineInput } from '../machine/machine.ts'
import type { RackConfig, RackInput } from '../rack/rack-schema.ts'
import type { BringupConfig } from './config.ts'
import { findConfig } from './config-file.ts'
import type { ContainerConfig } from './container-schema.ts'
import type { KernelForm } from './kernel-schema.ts'
import type { Profile } from './profile.ts'
import type { SlurmConfig } from './slurm-schema.ts'
import type { SweepConfig } from './sweep-schema.ts'

export interface Project {
  /** Relative paths in the description are relative to this. */
  readonly folder: string
  /** The file that describes it; undefined for the built-in default project. */
  readonly configFile?: string
  readonly machines: Readonly<Record<string, MachineInput>>
  /** Machines that run together, by name. */
  readonly racks: Readonly<Record<string, RackConfig>>
  /** The same as they are written: a sweep changes parts of them. */
  readonly writtenRacks?: Readonly<Record<string, RackInput>>
  /** One test over many machines, by name. */
  readonly sweeps?: Readonly<Record<string, SweepConfig>>
  /** How sweeps submit jobs to a Slurm cluster. */
  readonly slurm?: SlurmConfig
  /** The machine that is meant when none is named. */
  readonly defaultMachine: string
  /** The profile of machines that name none; without it, what a machine boots decides. */
  readonly profile?: string
  /** Profiles of the project's own. */
  readonly profiles: readonly Profile[]
  /** A kernel of the project's own, in the short form; it belongs to the profile of machines that name none. */
  readonly kernel?: KernelForm
  /** The container that it may be built in. */
  readonly container?: ContainerConfig
  /** Values of build options that the config file sets. */
  readonly build?: Readonly<Record<string, BuildOptionValue>>
  /** Runs and stores: `.bringup` in the project's folder. */
  readonly stateFolder: string
}

/**
 * The machine that is booted where nothing is described: two NUMA nodes of one CPU each, and a persistent DIMM on
 * node 1.
 */
export const DEFAULT_MACHINE: MachineInput = {
  summary: 'two NUMA nodes, a CPU each, and a persistent DIMM on node 1',
  cpu: { count: 2 },
  memory: { size: '512M' },
  numa: { nodes: 2 },
  devices: [{ kind: 'nvdimm', id: 'pm0', size: '128M', node: 1 }],
}

export interface ProjectRequest {
  /** Where the search for a description begins. */
  readonly cwd: string
  /** A config file or a folder; no search then. */
  readonly project?: string
  /** Keeps runs and stores elsewhere. */
  readonly state?: string
}

/**
 * Loads the project of a folder: the nearest `bringup.config` upwards, or the built-in default project where there is
 * none.
 *
 * @throws BringupError with every problem of the config file
 * @example
 * const project = await loadProject({ cwd: '.' })
 * console.log(Object.keys(project.machines))
 */
export async function loadProject(request: ProjectRequest): Promise<Project> {
  const configFile = findConfig(request)
  if (configFile === undefined) return defaultProject(request)
  const { refuseUntrusted } = await import('./trust.ts')
  refuseUntrusted(configFile)
  // The schema and what it is made of are loaded only where there is something to check.
  const { loadConfig } = await import('./config.ts')
  const config = await loadConfig(configFile)
  const project = projectOf(config, configFile, request)
  if (isProgram(configFile)) {
    const { keepOutline } = await import('./outline.ts')
    keepOutline(configFile, projectOf(config, configFile, { cwd: request.cwd }))
  }
  return project
}

/**
 * The project for help and completion: no program in it is run. Of a config that is a program, what it said when it was
 * last run by another command, and nothing but its folder where that is not known.
 *
 * @throws BringupError with every problem of the config file
 */
export async function outlineProject(request: ProjectRequest): Promise<Project> {
  const configFile = findConfig(request)
  if (configFile === undefined || !isProgram(configFile)) return loadProject(request)
  const { readOutline } = await import('./outline.ts')
  const outline = readOutline(configFile)
  const folder = dirname(configFile)
  const unknown = { folder, configFile, machines: {}, racks: {}, defaultMachine: 'default', profiles: [] }
  return { ...(outline ?? unknown), stateFolder: stateFolder(folder, request) }
}

function isProgram(configFile: string): boolean {
  return !configFile.endsWith('.json')
}

function defaultProject(request: ProjectRequest): Project {
  const folder = request.project === undefined ? request.cwd : resolve(request.cwd, request.project)
  return {
    folder,
    machines: { default: DEFAULT_MACHINE },
    racks: {},
    defaultMachine: 'default',
    profiles: [],
    stateFolder: stateFolder(folder, request),
  }
}

function projectOf(config: BringupConfig, configFile: string, request: ProjectRequest): Project {
  const folder = dirname(configFile)
  // The machine of the first run shows what bringup can do; who names a profile or a kernel has begun something else.
  const unsaid = config.profile === undefined && config.kernel === undefined ? DEFAULT_MACHINE : {}
  const machines = Object.keys(config.machines).length > 0 ? config.machines : { default: unsaid }
  return {
    folder,
    configFile,
    machines,
    racks: config.racks,
    writtenRacks: config.writtenRacks,
    sweeps: config.sweeps,
    ...(config.slurm === undefined ? {} : { slurm: config.slurm }),
    defaultMachine:
      config.defaultMachine ?? ('default' in machines ? 'default' : (Object.keys(machines)[0] ?? 'default')),
    ...(config.profile === undefined ? {} : { profile: config.profile }),
    ...(config.kernel === undefined ? {} : { kernel: config.kernel }),
    ...(config.container === undefined ? {} : { container: config.container }),
    ...(config.build === undefined ? {} : { build: config.build }),
    profiles: config.profiles,
    stateFolder: stateFolder(folder, request),
  }
}

function stateFolder(folder: string, request: ProjectRequest): string {
  return request.state === undefined ? join(folder, '.bringup') : resolve(request.cwd, request.state)
}
