/** What a profile's guest needs of the machine, whatever the user wrote. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { foldersOf } from '../machine/devices/folder-schema.ts'
import { rdmaLinksOf } from '../machine/devices/nic-rdma.ts'
import type { Facts } from '../machine/facts.ts'
import { viewOf } from '../machine/machine.ts'
import type { GuestPlan } from '../plan/plan.ts'
import type { Profile } from './profile.ts'

export const problems = defineDiagnostics({
  PROFILE_NEEDS_64_BIT: {
    title: 'A profile whose guest is 64-bit code, on a CPU without long mode.',
    why: 'its kernel, or the program that bringup puts into its guest, is made for x86-64',
    remedy:
      'choose a 64-bit CPU model (`--cpu qemu64`), remove `-lm` from the features, or boot a 32-bit kernel with --profile bare',
    qemu: 'misbehaves',
  },
  NIC_RDMA_PROFILE: {
    title: 'A card has an RDMA device, and guests of the profile make none.',
    why: 'RDMA in software is made by drivers of Linux inside the guest; other kernels have none',
    remedy: 'use --profile linux or --profile debian (in a rack `profile: "linux"`), or omit `rdma`',
    qemu: 'accepts',
  },
  PVRDMA_PROFILE: {
    severity: 'warning',
    title: 'A machine has a pvrdma, and the profile does not supply its driver.',
    why: 'the driver vmw_pvrdma is one of Linux; another kernel sees two PCI functions unless it has a driver of its own',
    remedy: 'use --profile linux, which builds the driver where its kernel lacks it',
    qemu: 'accepts',
  },
  FOLDER_WITHOUT_SHELL: {
    severity: 'warning',
    title: 'A folder is shared with a guest that bringup cannot mount it in.',
    why: 'bringup mounts folders over a command channel, which the guests of this profile do not have',
    remedy:
      'mount it in the guest by its tag (`mount -t 9p -o trans=virtio,version=9p2000.L,msize=512000 TAG /mnt`), or use a profile with a command channel, such as --profile linux',
  },
})

/** What the cards ask for and guests of the profile do not make. */
function unmadeLinks({ name, machine }: GuestPlan, profile: Profile): readonly Diagnostic[] {
  if (profile.rdma) return []
  return rdmaLinksOf(viewOf(name, machine)).map(({ at, kind, id }) =>
    problems.NIC_RDMA_PROFILE.at(at, `rdma "${kind}" on card "${id}" with profile "${profile.name}"`),
  )
}

/** A profile with RDMA checks the drivers of its kernel itself. */
function undriven({ name, machine }: GuestPlan, profile: Profile): readonly Diagnostic[] {
  if (profile.rdma) return []
  return viewOf(name, machine)
    .devices.filter(({ kind }) => kind === 'pvrdma')
    .map(({ path, id }) => problems.PVRDMA_PROFILE.at(path, `pvrdma "${id}" with profile "${profile.name}"`))
}

/** What is only likely of any 64-bit kernel is certain of this one. */
const LIKELY = 'BOOT_KERNEL_MAY_NEED_64_BIT'

/** The plan with what the profile needs and the machine does not have, and what its guests cannot use. */
export function withProfileNeeds(plan: GuestPlan, profile: Profile, { cpu }: Facts): GuestPlan {
  const unmounted = profile.hasShell
    ? []
    : foldersOf(viewOf(plan.name, plan.machine)).map(({ id, at }) =>
        problems.FOLDER_WITHOUT_SHELL.at(at, `folder "${id}" with profile "${profile.name}"`),
      )
  const diagnostics = [
    ...plan.diagnostics,
    ...unmounted,
    ...unmadeLinks(plan, profile),
    ...undriven(plan, profile),
  ]
  if (!profile.needsLongMode || cpu?.hasLongMode !== false) return { ...plan, diagnostics }
  const missing = problems.PROFILE_NEEDS_64_BIT.at(
    'cpu.model',
    `profile "${profile.name}" on CPU "${cpu.name}", which has no long mode`,
  )
  return { ...plan, diagnostics: [missing, ...diagnostics.filter((d) => d.code !== LIKELY)] }
}
