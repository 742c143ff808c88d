/** The input of a profile's `build`. */
import type { MachineInput } from '../machine/machine.ts'
import type { BuildOptionValues } from './options.ts'

export interface BuildContext {
  /** The machine that is to boot it, profile defaults merged in: its description as the user wrote it. */
  readonly machine: MachineInput
  /** Name of that machine in the project. */
  readonly machineName: string
  /** Folder of the project. Paths in the graph are relative to it. */
  readonly projectFolder: string
  /** Folder for what the build makes beside the source tree: `.bringup/build`, made by bringup before anything runs. */
  readonly buildFolder: string
  /** Checked values of the profile's `buildOptions`, defaults filled in. */
  readonly options: BuildOptionValues
  /** How many jobs a tool may run side by side (`make -j`). */
  readonly jobs: number
  /** Tools should say what they do. */
  readonly isVerbose: boolean
  /** The command to run in the guest (what follows `--`); empty for none. */
  readonly command: readonly string[]
}
