/** Whether this user can open /dev/kvm, found out by opening it: groups, ACLs and device cgroups all count. */
import { closeSync, constants, openSync, statSync } from 'node:fs'
import { userInfo } from 'node:os'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { readContainer } from './container.ts'
import { readCpus } from './cpus.ts'
import { accessAdvice } from './device-access.ts'
import { readText } from './read-file.ts'

export const problems = defineDiagnostics({
  KVM_MISSING: {
    severity: 'warning',
    title: '/dev/kvm does not exist.',
    why: 'without KVM guests run in TCG, QEMU’s own and slower CPU',
    remedy:
      'switch virtualisation on in the firmware’s set-up, then load the module: modprobe kvm_intel, or modprobe kvm_amd',
  },
  KVM_NO_PERMISSION: {
    severity: 'warning',
    title: 'This user may not open /dev/kvm.',
    why: 'without KVM guests run in TCG, QEMU’s own and slower CPU',
    remedy: 'as root: usermod -aG kvm USER, then log in again; or for now: setfacl -m u:USER:rw /dev/kvm',
  },
  KVM_BROKEN: {
    severity: 'warning',
    title: '/dev/kvm exists and does not open.',
    why: 'without KVM guests run in TCG, QEMU’s own and slower CPU',
    remedy:
      'load the module of this CPU: modprobe kvm_intel, or modprobe kvm_amd; the kernel’s log says why it refuses',
  },
})

export interface KvmFact {
  readonly path: string
  readonly state: 'opens' | 'missing' | 'denied' | 'broken'
  /** What the kernel said when it did not open: `ENODEV`. */
  readonly error?: string
  /** What tells this device from another: numbers, mode and owner. Empty when it is missing. */
  readonly identity: string
}

/** @param path Another device in tests. */
export function readKvm(path = '/dev/kvm'): KvmFact {
  const stat = statSync(path, { throwIfNoEntry: false })
  if (!stat) return { path, state: 'missing', identity: '' }
  const identity = [stat.rdev, stat.mode.toString(8), stat.uid, stat.gid].join(':')
  try {
    closeSync(openSync(path, constants.O_RDWR))
    return { path, state: 'opens', identity }
  } catch (cause) {
    const error = (cause as NodeJS.ErrnoException).code ?? `${cause}`
    return { path, state: error === 'EACCES' || error === 'EPERM' ? 'denied' : 'broken', error, identity }
  }
}

/** What is in the way of KVM; undefined when /dev/kvm opens, which does not yet say that guests run. */
export function kvmProblem(kvm: KvmFact): Diagnostic | undefined {
  switch (kvm.state) {
    case 'opens':
      return undefined
    case 'denied':
      return problems.KVM_NO_PERMISSION.at(
        '',
        `${kvm.path} cannot be opened by this user (${kvm.error})`,
        deniedRemedy(kvm.path),
      )
    case 'broken':
      return problems.KVM_BROKEN.at('', `${kvm.path} exists and does not open (${kvm.error})`)
    case 'missing':
      return problems.KVM_MISSING.at('', `${kvm.path} does not exist`, missingRemedy())
  }
}

function deniedRemedy(path: string): { remedy?: string } {
  const stats = statSync(path, { throwIfNoEntry: false })
  if (!stats) return {}
  const user = nameOfUser()
  const groups = readText('/', 'etc/group') ?? ''
  const advice = accessAdvice({ path, group: 'kvm', user, stats, groups })
  return { remedy: advice ?? `as root: usermod -aG kvm ${user}, then log in again; or \`bringup setup run\`` }
}

/** A user may have a number and no entry in /etc/passwd. */
function nameOfUser(): string {
  try {
    return userInfo().username
  } catch {
    return `${process.getuid?.() ?? 'USER'}`
  }
}

/** What gives this computer, or this container, a /dev/kvm; empty where nothing better than the general advice is known. */
export function missingRemedy(): { remedy?: string } {
  const container = readContainer()
  if (container) return { remedy: `give the container the device: --device /dev/kvm (this is ${container})` }
  const { virtualization, isVirtual } = readCpus()
  if (virtualization)
    return { remedy: `load the module: modprobe ${virtualization === 'vmx' ? 'kvm_intel' : 'kvm_amd'}` }
  if (isVirtual)
    return { remedy: 'this computer is a virtual machine: switch nested virtualisation on in its host' }
  return {}
}
