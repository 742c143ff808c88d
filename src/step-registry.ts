/** Every kind of step that a journal may name. Loaded when asked for; a new kind is one new file and its line here. */
import type { StepKind, StepKinds } from './steps/step.ts'

/** A kind of its own types, as the engine sees it: its parameters have passed its schema. */
type AnyKind = Omit<StepKind, 'check' | 'undo' | 'describe' | 'schema' | 'explain'>

const KINDS: Readonly<Record<string, () => Promise<AnyKind>>> = {
  file: async () => (await import('./steps/kinds/file.ts')).file,
  'boot-parameters': async () => (await import('./pmem/boot/boot-parameters.ts')).bootParameters,
  'pmem-device': async () => (await import('./pmem/steps/pmem-device.ts')).pmemDevice,
  'pmem-filesystem': async () => (await import('./pmem/steps/pmem-filesystem.ts')).pmemFilesystem,
  'pmem-mount': async () => (await import('./pmem/steps/pmem-mount.ts')).pmemMount,
  'pmem-unit': async () => (await import('./pmem/steps/pmem-unit.ts')).pmemUnit,
  'network.bridge': async () => (await import('./network/host/steps/bridge.ts')).hostBridge,
  'network.tap': async () => (await import('./network/host/steps/tap.ts')).hostTap,
  'network.link': async () => (await import('./network/host/steps/link.ts')).hostLink,
  'rdma.module-loaded': async () => (await import('./rdma/steps/module-loaded.ts')).moduleLoaded,
  'rdma.module-unloaded': async () => (await import('./rdma/steps/module-unloaded.ts')).moduleUnloaded,
  'rdma.interface': async () => (await import('./rdma/steps/dummy-interface.ts')).dummyInterface,
  'rdma.soft-device': async () => (await import('./rdma/steps/soft-device.ts')).softDevice,
  'rdma.access': async () => (await import('./rdma/steps/device-access.ts')).rdmaAccess,
  'rdma.ofed': async () => (await import('./rdma/steps/ofed-driver.ts')).ofedDriver,
  'packages.repair': async () => (await import('./setup/steps/packages-repair.ts')).packagesRepair,
  'packages.lists': async () => (await import('./setup/steps/packages-lists.ts')).packagesLists,
  'packages.install': async () => (await import('./setup/steps/packages-install.ts')).packagesInstall,
  'host.setcap': async () => (await import('./setup/steps/setcap.ts')).setcap,
  'host.group-member': async () => (await import('./setup/steps/group-member.ts')).groupMember,
  'rust.toolchain': async () => (await import('./setup/steps/rust-toolchain.ts')).rustToolchain,
  'cargo.install': async () => (await import('./setup/steps/cargo-install.ts')).cargoInstall,
  'npm.install': async () => (await import('./setup/steps/npm-install.ts')).npmInstall,
  'python.install': async () => (await import('./setup/steps/venv-install.ts')).venvInstall,
}

export const stepKinds: StepKinds = async (kind) =>
  Object.hasOwn(KINDS, kind) ? ((await KINDS[kind]?.()) as StepKind | undefined) : undefined
