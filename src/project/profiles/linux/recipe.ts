/** What a Linux guest is made of, as plain data: the name of the result in the cache, and what is there under it. */
import { existsSync, statSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { nameOf, readKept } from '../../../qemu/cache.ts'
import type { PrepareContext } from '../../profile.ts'
import { agentIdentity } from './agent-build.ts'
import { pinKey } from './kernel.ts'
import { packagesStamp } from './packages.ts'
import { type Pin, readPins } from './pins.ts'
import { programStamp } from './programs.ts'
import { rdmaPathOf } from './rdma-drivers.ts'
import { terminalCommand, terminfoFile } from './terminal.ts'
import {
  hasCard,
  modulesFor,
  needsFullKernel,
  programsFor,
  providersOf,
  rdmaDriversOf,
  waitsFor,
} from './wanted.ts'

export interface LinuxOptions {
  /** Package of the kernel. Default: the first that apt knows of linux-image-cloud-amd64, linux-image-virtual, …  */
  readonly kernelPackage?: string
  /** Folder of modules for a kernel of your own: `…/lib/modules/RELEASE`. */
  readonly modulesFolder?: string
  /** Kernel modules beyond those that the machine's devices need. */
  readonly modules?: readonly string[]
  /** Programs beyond busybox and the command's own: names, or paths on this computer. */
  readonly programs?: readonly string[]
}

/** What is booted, in the cache. */
export interface Ready {
  readonly kernel?: string
  readonly initrd: string
  /** Of the kernel; empty where it does not say. */
  readonly release?: string
  /** The kernel has no driver of shared folders. */
  readonly lacksFolders?: boolean
  /** Version of a kernel of the distribution. */
  readonly pin?: Pin
}

/** Part of every name in the cache: raised when what is made of the same things changes. */
const FORM = 8

export function nameOfReady({ pin, ...recipe }: Recipe): string {
  // The name depends on the order of the keys, and the pin comes from a file or from what was just made.
  const pinned = pin ? [pin.packages, pin.folders] : []
  const programs = [...recipe.command, ...recipe.programs, ...recipe.useful].map(programStamp)
  return join('ready', nameOf([FORM, recipe, pinned, packagesStamp(), agentIdentity(), programs]))
}

export type Recipe = ReturnType<typeof recipeOf>

/** Everything that the result depends on, as plain data. */
export function recipeOf(
  options: LinuxOptions,
  { machine, command, terminal, projectFolder, pinFolder }: PrepareContext,
) {
  const programs = programsFor(machine, command)
  const session = terminal
    ? { terminfo: terminfoFile(process.env.TERM), shell: command.length === 0 ? terminalCommand() : [] }
    : {}
  const given = machine.boot?.kernel === undefined ? undefined : resolve(projectFolder, machine.boot.kernel)
  const wish = { kernelPackage: options.kernelPackage, needsFullKernel: needsFullKernel(machine) }
  const pin = given === undefined ? readPins(pinFolder)[pinKey(wish)] : undefined
  return {
    ...wish,
    ...(pin ? { pin } : {}),
    ...(machine.boot?.firmware === 'uefi' ? { isForUefi: true } : {}),
    hasCard: hasCard(machine),
    given,
    givenIdentity:
      given !== undefined && existsSync(given) ? [statSync(given).size, statSync(given).mtimeMs] : [],
    modulesFolder:
      options.modulesFolder === undefined ? undefined : resolve(projectFolder, options.modulesFolder),
    deviceModules: modulesFor(machine),
    rdma: providersOf(machine),
    rdmaDrivers: rdmaDriversOf(machine),
    rdmaAt: rdmaPathOf(machine),
    modules: options.modules ?? [],
    waitFor: waitsFor(machine),
    command: [...programs.needed, ...(session.shell ?? [])],
    ...(session.terminfo === undefined ? {} : { terminfo: session.terminfo }),
    programs: options.programs ?? [],
    useful: programs.useful,
  }
}

export function readReady(folder: string, name: string): Ready | undefined {
  const ready = readKept<Ready>(folder, name)
  return ready && existsSync(ready.initrd) && (ready.kernel === undefined || existsSync(ready.kernel))
    ? ready
    : undefined
}
