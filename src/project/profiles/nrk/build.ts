/** How nrk is built: boot loader, kernel, user library, user modules, and the folder that the firmware boots from. */
import { createHash } from 'node:crypto'
import { existsSync, readdirSync } from 'node:fs'
import { join } from 'node:path'
import type { BuildContext } from '../../../build/context.ts'
import type { BuildGraph, BuildTarget, CommandAction } from '../../../build/graph.ts'
import type { MachineInput } from '../../../machine/machine.ts'
import { readOptions, type Wanted } from './build-options.ts'
import { espFiles, programsOf } from './esp.ts'
import { artefactFolder, TARGETS, type TargetName, USER_RUSTFLAGS } from './layout.ts'

export interface NrkBuildSettings {
  /**
   * `build`: cargo builds `core` and `alloc` for nrk's targets, from the sources that come with the compiler
   * (`-Z build-std`, which needs a nightly compiler with `rust-src`). `none`: the tree needs none, or brings its own.
   */
  readonly standardLibrary: 'build' | 'none'
}

/** @throws BringupError NRK_MODULE_MISSING, NRK_FEATURE_WITHOUT_MODULE, NRK_RUMP_FEATURE_MISSING */
export function nrkGraph(context: BuildContext, settings: NrkBuildSettings): BuildGraph {
  const wanted = readOptions(context.options, userModules(context.projectFolder))
  const cargo = cargoFor(context, wanted, settings)
  const modules = wanted.modules.map((module) => moduleTarget(module, wanted, cargo))
  const esp: BuildTarget = {
    id: 'esp',
    summary: 'what the firmware boots from: boot loader, kernel, its command line, modules, iPXE script',
    needs: ['bootloader', 'kernel', ...modules.map((m) => m.id)],
    actions: [{ kind: 'tree', to: espFolder(context, wanted), files: espFiles(wanted) }],
  }
  const targets = [bootLoader(wanted, cargo), kernel(wanted, cargo), library(context, wanted, cargo)]
  return { targets: [...targets, ...modules, esp], defaultTargets: ['esp'] }
}

/** Modules of the tree: folders below `usr` with a manifest. */
export function userModules(projectFolder: string): readonly string[] {
  const usr = join(projectFolder, 'usr')
  if (!existsSync(usr)) return []
  return readdirSync(usr)
    .filter((name) => existsSync(join(usr, name, 'Cargo.toml')))
    .sort()
}

/**
 * Every way to boot has a folder of its own, so that machines that run side by side do not change each other's command
 * line or kernel.
 */
export function espFolder({ buildFolder }: Pick<BuildContext, 'buildFolder'>, wanted: Wanted): string {
  const content = JSON.stringify(espFiles(wanted))
  return join(buildFolder, 'esp', createHash('sha256').update(content).digest('hex').slice(0, 16))
}

type Cargo = (
  folder: string,
  target: TargetName,
  args: readonly string[],
  env?: Readonly<Record<string, string>>,
) => CommandAction

function cargoFor(context: BuildContext, wanted: Wanted, settings: NrkBuildSettings): Cargo {
  const standardLibrary =
    settings.standardLibrary === 'build'
      ? ['-Z', 'build-std=core,alloc', '-Z', 'build-std-features=compiler-builtins-mem']
      : []
  return (folder, target, args, env = {}) => ({
    kind: 'command',
    argv: [
      'cargo',
      'build',
      ...['--target', TARGETS[target].name],
      ...args,
      ...standardLibrary,
      ...(wanted.isRelease ? ['--release'] : []),
      ...(context.isVerbose ? ['--verbose'] : []),
    ],
    cwd: folder,
    env: { RUST_TARGET_PATH: join(context.projectFolder, TARGETS[target].folder), ...env },
  })
}

function bootLoader({ isRelease }: Wanted, cargo: Cargo): BuildTarget {
  return {
    id: 'bootloader',
    summary: 'UEFI program that loads the kernel',
    outputs: [`${artefactFolder('bootLoader', isRelease)}/bootloader.efi`],
    actions: [cargo('bootloader', 'bootLoader', ['--package', 'bootloader'])],
  }
}

function kernel(wanted: Wanted, cargo: Cargo): BuildTarget {
  const features = wanted.kernelFeatures.flatMap((feature) => ['--features', feature])
  const defaults = wanted.hasDefaultKernelFeatures ? [] : ['--no-default-features']
  return {
    id: 'kernel',
    summary: 'the kernel',
    outputs: [`${artefactFolder('kernel', wanted.isRelease)}/nrk`],
    actions: [cargo('kernel', 'kernel', [...defaults, ...features])],
  }
}

/** The static user library, with which programs of the rump kernel are linked. */
function library({ machine }: BuildContext, { isRelease }: Wanted, cargo: Cargo): BuildTarget {
  const features = ['rumprt', ...(hasVirtioNic(machine) ? ['virtio'] : [])]
  const args = features.flatMap((feature) => ['--features', feature])
  return {
    id: 'vibrio',
    summary: 'user library, with the runtime for rump programs',
    outputs: [`${artefactFolder('user', isRelease)}/libvibrio.a`],
    actions: [cargo('lib/vibrio', 'user', args, { RUSTFLAGS: USER_RUSTFLAGS })],
  }
}

/** Programs drive the network card themselves, so that the user library has to know which one it is. */
function hasVirtioNic({ devices = [] }: MachineInput): boolean {
  return devices.some((d) => d.kind === 'nic' && (d.model ?? 'virtio-net-pci') === 'virtio-net-pci')
}

function moduleTarget(module: string, wanted: Wanted, cargo: Cargo): BuildTarget {
  const args = wanted.featuresOf(module).flatMap((feature) => ['--features', feature])
  const folder = artefactFolder('user', wanted.isRelease)
  return {
    id: module,
    summary: `user module ${module}`,
    needs: ['vibrio'],
    outputs: programsOf(module, wanted).map((program) => `${folder}/${program}`),
    actions: [cargo(`usr/${module}`, 'user', args, { RUSTFLAGS: USER_RUSTFLAGS })],
  }
}
