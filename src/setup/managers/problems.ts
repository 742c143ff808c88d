/** Why packages could not be installed: the same findings for every package manager. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  PACKAGES_LOCKED: {
    title: 'Another process is using the package manager.',
    why: 'only one process may change packages at a time; nothing was changed',
    remedy: 'wait for it to finish, then run this again',
  },
  PACKAGE_UNKNOWN: {
    title: 'The archive has no package with that name.',
    why: 'it was renamed, is in a component that is not enabled, or is not part of this release',
    remedy: 'install it under its new name, or enable the component (universe, contrib), then run this again',
  },
  PACKAGES_UNMET: {
    title: 'The packages have dependencies that conflict with installed packages.',
    why: 'nothing was changed: the package manager installs all packages or none',
    remedy: 'fix what the package manager names below, then run this again',
  },
  PACKAGES_PREVIEW_NEEDS_ROOT: {
    title: 'The package manager lists the packages to install to root only.',
    why: 'bringup installs only what it can list beforehand and remove again',
    remedy: 'run it as root: sudo bringup setup',
    source: 'zypper 1.14: "Root privileges are required to run this command."',
  },
  PACKAGES_HELD: {
    title: 'A package is held at its version, and another version is needed.',
    why: 'an administrator has set the hold; bringup does not override it',
    remedy: 'release it (apt: `apt-mark unhold NAME`), then run this again',
  },
  PACKAGES_WOULD_GO: {
    title: 'The installation would remove installed packages.',
    why: 'removed packages could not be restored to their former state',
    remedy: 'remove them yourself if you do not need them, then run this again',
  },
  PACKAGES_UPGRADED: {
    severity: 'warning',
    title: 'The installation upgrades installed packages.',
    why: 'undo removes new packages; it does not restore older versions',
    remedy: 'nothing, if the upgrade is acceptable',
  },
  PACKAGES_NO_SPACE: {
    title: 'There is not enough disk space for the packages.',
    why: 'a package manager that runs out of disk space leaves packages half installed',
    remedy:
      'free some space (for example the package manager’s cache: `apt-get clean`, `dnf clean packages`, `pacman --sync --clean`), then run this again',
  },
  PACKAGES_NO_NETWORK: {
    title: 'The package archive is unreachable.',
    why: 'the packages or the package lists could not be downloaded; nothing was installed',
    remedy:
      'fix the network, the proxy (http_proxy, or the package manager’s own setting) or the mirror, then run this again',
  },
  PACKAGES_GONE: {
    title: 'The archive no longer has the version that the package lists name.',
    why: 'the package lists are older than the archive',
    remedy: 'update the package lists (apt: `apt-get update`), then run this again',
  },
  PACKAGES_INTERRUPTED: {
    title: 'An earlier call of the package manager was interrupted.',
    why: 'the package manager refuses all other work until that call is completed',
    remedy:
      '`bringup setup` does it first; by hand, as root: dpkg --configure -a, then apt-get --fix-broken install',
  },
  PACKAGES_NEEDED_BY_OTHERS: {
    title: 'Packages to remove are needed by packages that were installed later.',
    why: 'removing them would remove those packages too',
    remedy: 'remove the packages that are named, if you do not need them, then undo again',
  },
  PACKAGE_MANAGER_UNKNOWN: {
    title: 'bringup does not know the package manager of this distribution.',
    why: 'it supports apt, dnf, pacman, zypper and apk',
    remedy: 'install by hand what `bringup doctor` lists as missing',
  },
})
