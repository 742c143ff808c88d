/**
 * The library: what a program imports from 'bringup'.
 *
 * @module bringup
 */

export type { BuildEvent, BuildResult } from './build/build.ts'
export type { BuildContext } from './build/context.ts'
export type {
  BuildAction,
  BuildGraph,
  BuildTarget,
  CheckAction,
  CommandAction,
  FileAction as BuildFileAction,
  ImageAction,
  TreeAction,
} from './build/graph.ts'
export type { BuildOptionSpec, BuildOptionValue, BuildOptionValues } from './build/options.ts'
export type { BuildCommandResult, TargetResult } from './build/record.ts'
export { BringupError, type Diagnostic, type Severity } from './diagnostics.ts'
export type { Console, ConsoleMatch } from './guest/console.ts'
export type { GdbTarget } from './guest/gdb.ts'
export type {
  CommandOptions,
  CommandResult,
  Guest,
  GuestTerminal,
  QemuAccess,
  TerminalOptions,
} from './guest/guest.ts'
export type { GuestScreen, ScreenOptions } from './guest/guest-screen.ts'
export type { KeyOptions } from './guest/press-keys.ts'
export type { GuestRdma } from './guest/rdma.ts'
export type { GuestFolder, GuestResult } from './guest/record.ts'
export { EXIT_CODES, type Verdict } from './guest/verdict.ts'
export type { GuestPool, PooledForkOptions } from './guest-pool.ts'
export type { PackageFamily } from './host/distribution.ts'
export type { LockHolder } from './host/file-locks.ts'
export { checkDescription, type LaunchRequest, launch, launchRack, type RackRequest } from './launch.ts'
export type {
  Argument,
  Channel,
  FileAction,
  FileLock,
  Home,
  Join,
  NotCompared,
  PersistenceVerdict,
  StoreClaim,
} from './machine/device.ts'
export type { UserForward } from './machine/devices/nic-forwards.ts'
export type {
  AcceleratorFact,
  DaxDevice,
  Facts,
  FileContent,
  FileFact,
  KernelFact,
  KernelFlaw,
  MapSync,
  QemuCapabilities,
  StoreEnd,
  StoreRecord,
  StoreTail,
  StoreUse,
} from './machine/facts.ts'
export type {
  GuestCpu,
  GuestCpuModel,
  GuestCxl,
  GuestCxlMemory,
  GuestDisk,
  GuestGid,
  GuestHmatEntry,
  GuestIvshmem,
  GuestMemoryCache,
  GuestNic,
  GuestNicPeer,
  GuestNvdimm,
  GuestPciFunction,
  GuestPmemRegion,
  GuestRdmaDevice,
  GuestRdmaPort,
  GuestView,
  GuestVirtioPmem,
  HardwareView,
} from './machine/guest-view.ts'
export type { MachineConfig, MachineInput } from './machine/machine.ts'
export type { FaultInput } from './network/fault-schema.ts'
export type { WayCounters } from './network/faulty-path.ts'
export type { RunningHostNetwork } from './network/host/start-host-network.ts'
export type { TapEnd } from './network/host/tap-opener.ts'
export type { NetworkEvent } from './network/network-event.ts'
export type { HostNetworkPlan, NetworkPlan, NetworkPort } from './network/network-plan.ts'
export type { NetworkInput } from './network/network-schema.ts'
export type { PortCounters } from './network/port.ts'
export type {
  AppliedFault,
  FrameFilter,
  NetworkFrame,
  NetworkStats,
  RunningNetwork,
} from './network/running-network.ts'
export type { Condition, ExitMeaning, GuestPlan, Judgement, PlanFacts } from './plan/plan.ts'
export type { RunPlan } from './plan/run-plan.ts'
export type { Comparison } from './plan/verify.ts'
export { type BuildingRequest, buildProject } from './project/building.ts'
export type { ConfigInput } from './project/config.ts'
export { defineConfig, defineMachine, type NrkOptions, nrkProfile } from './project/config-api.ts'
export type {
  CpioImage,
  DiskImage,
  FatImage,
  FileSource,
  FileTree,
  ImageSpec,
  Partition,
  RawImage,
} from './project/images/image.ts'
export type { PlannedGuest, PlanningRequest } from './project/planning.ts'
export {
  defineProfile,
  type KernelLog,
  type KernelReport,
  type MachineFlags,
  type Observation,
  type PrepareContext,
  type Prepared,
  type Profile,
  type Source,
} from './project/profile.ts'
export { PANIC_PATTERNS } from './project/profiles/bare/panic-patterns.ts'
export { type DebianProfileOptions, debianProfile } from './project/profiles/debian.ts'
export { type LinuxOptions, linuxProfile } from './project/profiles/linux.ts'
export { loadProject, type Project, type ProjectRequest } from './project/project.ts'
export type { ConfigSketch, SketchEntry, SourceTree } from './project/recognise/tree.ts'
export { type PlannedRun, planOnly, planRun, type RunRequest } from './project/run-planning.ts'
export type { QmpClient } from './qemu/qmp.ts'
export type {
  EventData,
  Json as QmpValues,
  QmpCommands,
  QmpEvent,
  QmpEvents,
  QmpProperty,
} from './qemu/qmp-types.ts'
export type { RackConfig, RackInput } from './rack/rack-schema.ts'
export type { RunEvent, RunHappening } from './runs/events.ts'
export type { RunFolder, RunResult } from './runs/record.ts'
export type { Run } from './runs/run.ts'
export {
  type ForkOptions,
  type PoolOptions,
  type RackForkOptions,
  type SavedRack,
  type SavedState,
  type SaveRackOptions,
  saveState,
} from './saved-state.ts'
export type { Screen } from './screen/screen.ts'
export { parseService, type ServiceInput, type ServiceSpec } from './services/service.ts'
export {
  type Service,
  type ServiceEvent,
  type ServiceOptions,
  startService,
} from './services/start-service.ts'
export { type Services, type ServicesOptions, startServices } from './services/start-services.ts'
export type {
  CapabilityDependency,
  CargoDependency,
  Dependency,
  DependencySet,
  DeviceAccessDependency,
  FileDependency,
  NpmDependency,
  PackageDependency,
  PackageNames,
  ProgramDependency,
  PythonDependency,
  RustToolchainDependency,
} from './setup/dependency.ts'
export { snapshotStore } from './stores/clone.ts'
export { openStore, type Store, type StoreContext } from './stores/store.ts'
export { GiB, KiB, MiB, TiB } from './units.ts'
