/** What can be wrong with QEMUs that are installed side by side. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  QEMU_INSTALLED_ALREADY: {
    title: 'A QEMU of that name is installed.',
    why: 'an installed QEMU is not replaced unless that was asked for',
    remedy: 'use the one that is installed, or add --replace',
  },
  QEMU_NOT_INSTALLED: {
    title: 'No QEMU of that name is installed.',
    why: 'a name stands for a folder of installed QEMUs',
    remedy: 'choose one that `bringup qemu list` shows, or install one with `bringup qemu install`',
  },
  QEMU_DAMAGED: {
    title: 'The record of an installed QEMU cannot be read.',
    why: 'without its file qemu.json it is neither started nor offered',
    remedy: 'remove it with `bringup qemu remove NAME`, and install it again',
  },
  QEMU_IN_USE: {
    title: 'An installed QEMU is in use.',
    why: 'a running guest, or the choice of a default, would lose it',
    remedy: 'end the guest first: `bringup ps` lists the running runs',
  },
  QEMU_FOLDER_UNUSABLE: {
    title: 'The folder of installed QEMUs cannot be written.',
    why: 'QEMUs are installed in $XDG_DATA_HOME/bringup/qemus, else in ~/.local/share/bringup/qemus',
    remedy: 'make the folder writable, or name another: export XDG_DATA_HOME=/tmp/data-of-$USER',
  },
  QEMU_DISK_FULL: {
    title: 'The disk is full.',
    why: 'package lists, packages and sources of QEMU do not fit where the cache or the folder of installed QEMUs lies',
    remedy:
      'free space, or name other folders: export XDG_CACHE_HOME=/var/tmp/cache-of-$USER XDG_DATA_HOME=/var/tmp/data-of-$USER',
    source: 'ENOSPC, EDQUOT in errno(3)',
  },
})

export const diskFull = (what: string, evidence: readonly string[]) =>
  new BringupError([problems.QEMU_DISK_FULL.at('', `${what} could not be written`, { evidence })])
