/** What a package manager can be asked, and which commands change something. One file each; the steps are the same. */
import type { Diagnostic } from '../../diagnostics.ts'
import type { HostCommand } from '../../steps/host-command.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import type { StepCost } from '../../steps/step.ts'

export type ManagerName = 'apt' | 'dnf' | 'pacman' | 'zypper' | 'apk'

/** What installing would do, as the package manager itself answers. */
export interface InstallPreview {
  /** Every package that would be new, those that only follow included. */
  readonly added: readonly string[]
  /** Packages that are here and would get another version. */
  readonly upgraded: readonly string[]
  readonly cost?: StepCost
}

export interface PackageManager {
  readonly name: ManagerName
  /** Versions of those that are installed, by name. */
  installed(names: readonly string[], host: HostReader): Promise<ReadonlyMap<string, string>>
  /** Which of these names the archive has. */
  known(names: readonly string[], host: HostReader): Promise<ReadonlySet<string>>
  /** All names there are, for saying which are near. */
  allNames(host: HostReader): Promise<readonly string[]>
  /** Whether the list of packages is too old, or not there: in words; undefined when it will do. */
  staleness(host: HostReader): string | undefined
  readonly updateCommand: HostCommand
  /** What an earlier call left half done, in words, and the commands that end it; undefined when nothing. */
  interruption(
    host: HostReader,
  ): Promise<{ readonly what: string; readonly commands: readonly HostCommand[] } | undefined>
  /** The process that uses the package manager now; undefined if nothing does. */
  lock(host: HostReader): Diagnostic | undefined
  preview(names: readonly string[], host: HostReader): Promise<InstallPreview | readonly Diagnostic[]>
  /** Fetches what `installCommand` installs, so that a kill before the installation leaves nothing at work. */
  downloadCommand?(names: readonly string[]): HostCommand
  installCommand(names: readonly string[]): HostCommand
  /** What removing these would remove, those included; undefined when it cannot be told. */
  previewRemoval(names: readonly string[], host: HostReader): Promise<readonly string[]>
  /** With their configuration files. */
  removeCommand(names: readonly string[]): HostCommand
  /** Of these, the ones that are here or have left configuration behind. */
  leftovers(names: readonly string[], host: HostReader): Promise<readonly string[]>
  /** Reads the last words of a failed command; empty when they are not known. */
  explain(lines: readonly string[]): readonly Diagnostic[]
}
