/** Why packages could not be had: the same findings whichever package manager says it. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  PACKAGES_LOCKED: {
    title: 'Another program is working with the package manager.',
    why: 'only one may change packages at a time; nothing was changed',
    remedy: 'let it come to its end, then run this again',
  },
  PACKAGE_UNKNOWN: {
    title: 'The archive has no package of that name.',
    why: 'it was renamed, is in a component that is not switched on, or this release does not have it',
    remedy:
      'install it under its new name, or switch the component on (universe, contrib), then run this again',
  },
  PACKAGES_UNMET: {
    title: 'The packages need others that cannot be had together with what is installed.',
    why: 'nothing was changed: the package manager solves all of it, or none',
    remedy: 'its own words are below; mend what it names, then run this again',
  },
  PACKAGES_PREVIEW_NEEDS_ROOT: {
    title: 'The package manager tells only root what would come along.',
    why: 'bringup installs nothing that it could not list before, and take away again',
    remedy: 'run it as root: sudo bringup setup',
    source: 'zypper 1.14: "Root privileges are required to run this command."',
  },
  PACKAGES_HELD: {
    title: 'A package is held at its version, and another one is needed.',
    why: 'somebody has asked that it stay as it is; bringup does not override that',
    remedy: 'release it (apt: `apt-mark unhold NAME`), then run this again',
  },
  PACKAGES_WOULD_GO: {
    title: 'Installing would remove packages that are here.',
    why: 'what is removed could not be put back as it was',
    remedy: 'remove them yourself if you can do without them, then run this again',
  },
  PACKAGES_UPGRADED: {
    severity: 'warning',
    title: 'Packages that are here get a newer version on the way.',
    why: 'undo takes away what is new; it does not bring back an older version',
    remedy: 'nothing, if that is all right',
  },
  PACKAGES_NO_SPACE: {
    title: 'There is not enough disk space for the packages.',
    why: 'a package manager that runs out of space leaves packages half installed',
    remedy:
      'free some space (the package manager’s cache can go: `apt-get clean`, `dnf clean packages`, `pacman --sync --clean`), then run this again',
  },
  PACKAGES_NO_NETWORK: {
    title: 'The package archive cannot be reached.',
    why: 'the packages, or the list of them, could not be fetched; nothing was installed',
    remedy:
      'mend the network, the proxy (http_proxy, or the package manager’s own setting) or the mirror, then run this again',
  },
  PACKAGES_GONE: {
    title: 'The archive no longer has the version that the list of packages names.',
    why: 'the list is older than the archive',
    remedy: 'read the list again (apt: `apt-get update`), then run this again',
  },
  PACKAGES_INTERRUPTED: {
    title: 'The package manager was interrupted earlier and its work is half done.',
    why: 'it refuses everything else until that is finished',
    remedy:
      '`bringup setup` does it first; by hand, as root: dpkg --configure -a, then apt-get --fix-broken install',
  },
  PACKAGES_NEEDED_BY_OTHERS: {
    title: 'Packages that were installed here are needed by others by now.',
    why: 'taking them away would take those away too',
    remedy: 'remove the packages that are named, if you can do without them, then undo again',
  },
  PACKAGE_MANAGER_UNKNOWN: {
    title: 'bringup does not know the package manager of this distribution.',
    why: 'it knows apt, dnf, pacman, zypper and apk',
    remedy: 'install what `bringup doctor` shows as missing by hand',
  },
})
