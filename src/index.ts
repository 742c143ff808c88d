/** The library: what a program imports from 'bringup'. */

export type { BuildEvent, BuildResult } from './build/build.ts'
export type { BuildContext } from './build/context.ts'
export type { BuildAction, BuildGraph, BuildTarget } from './build/graph.ts'
export type { BuildOptionSpec, BuildOptionValues } from './build/options.ts'
export { BringupError, type Diagnostic, type Severity } from './diagnostics.ts'
export type { Console, ConsoleMatch } from './guest/console.ts'
export type { CommandOptions, CommandResult, Guest } from './guest/guest.ts'
export { type LaunchRequest, launch } from './launch.ts'
export type { PersistenceVerdict } from './machine/device.ts'
export type { DaxDevice, StoreEnd, StoreRecord, StoreTail, StoreUse } from './machine/facts.ts'
export type { GuestView } from './machine/guest-view.ts'
export type { MachineConfig, MachineInput } from './machine/machine.ts'
export type { Plan } from './plan/plan.ts'
export type { Comparison } from './plan/verify.ts'
export { defineConfig, defineMachine, type NrkOptions, nrkProfile } from './project/config-api.ts'
export { type Planned, type PlanningRequest, planRun } from './project/planning.ts'
export {
  defineProfile,
  type PrepareContext,
  type Prepared,
  type Profile,
  type Source,
} from './project/profile.ts'
export { type DebianProfileOptions, debianProfile } from './project/profiles/debian.ts'
export { type LinuxOptions, linuxProfile } from './project/profiles/linux.ts'
export { loadProject, type Project } from './project/project.ts'
export type { ConfigSketch, SourceTree } from './project/recognise/tree.ts'
export type { RunResult } from './runs/record.ts'
export { EXIT_CODES, type Verdict } from './runs/verdict.ts'
export type { Dependency, DependencySet, PackageNames } from './setup/dependency.ts'
export type { HostCommand } from './steps/host-command.ts'
export type { HostReader } from './steps/host-reader.ts'
export { defineStep, type Finding, type Step, type StepKind, type UndoFinding } from './steps/step.ts'
export { snapshotStore } from './stores/clone.ts'
export { openStore, type Store, type StoreContext } from './stores/store.ts'
export { GiB, KiB, MiB, TiB } from './units.ts'
