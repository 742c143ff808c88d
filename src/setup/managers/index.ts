/** The package managers, by name and by family of distributions. A new one is one new file and its lines here. */
import type { PackageFamily } from '../../host/distribution.ts'
import type { ManagerName, PackageManager } from './manager.ts'

export const MANAGER_OF: Readonly<Record<PackageFamily, ManagerName>> = {
  debian: 'apt',
  fedora: 'dnf',
  arch: 'pacman',
  suse: 'zypper',
  alpine: 'apk',
}

const MANAGERS: Readonly<Record<ManagerName, () => Promise<PackageManager>>> = {
  apt: async () => (await import('./apt.ts')).apt,
  dnf: async () => (await import('./dnf.ts')).dnf,
  pacman: async () => (await import('./pacman.ts')).pacman,
  zypper: async () => (await import('./zypper.ts')).zypper,
  apk: async () => (await import('./apk.ts')).apk,
}

export function loadManager(name: ManagerName): Promise<PackageManager> {
  return MANAGERS[name]()
}
