/** What can be wrong with a shared folder. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  FOLDER_UNFIT: {
    title: 'The path of a shared folder is missing, is not a folder, or cannot be read.',
    why: 'QEMU opens the folder at startup and serves its files to the guest',
    remedy: 'create the folder, correct its path, or make it readable for this user',
    source: "QEMU: cannot initialize fsdev '…': failed to open '…'",
    qemu: 'refuses',
  },
  FOLDER_NOT_WRITABLE: {
    title: 'A folder is shared with access "rw", and this user cannot write to it.',
    why: 'QEMU writes as the user who runs bringup',
    remedy: 'use access "overlay" (the default), or make the folder writable for this user',
    qemu: 'accepts',
  },
  FOLDER_RW_AS_ROOT: {
    severity: 'warning',
    title: 'A folder is shared with access "rw", and QEMU runs as root.',
    why: 'the guest then creates files as root of this computer: a set-uid program that it leaves there is a real one',
    remedy: 'run bringup as an ordinary user, or use access "overlay" (the default)',
    source: 'QEMU documentation, 9p: security_model=none (passthrough for an ordinary user)',
    qemu: 'accepts',
  },
  FOLDER_GUEST_PATH: {
    title: 'A shared folder cannot be mounted at that path of the guest.',
    why: 'the path is relative, or a mount there hides what the guest needs to run',
    remedy: 'set `guest` to an absolute path such as "/mnt/src"',
    qemu: 'accepts',
  },
  FOLDER_GUEST_TWICE: {
    title: 'Two shared folders have the same path in the guest.',
    why: 'the second mount hides the first',
    remedy: 'give one of them another `guest` path, or remove it',
    qemu: 'accepts',
  },
  FOLDER_NO_MOUNT_POINT: {
    title: 'A shared folder is to be mounted inside another one that is read-only and lacks the mount point.',
    why: 'the mount point must exist, and the guest cannot create it in a read-only folder',
    remedy:
      'create the folder on this computer, use access "overlay" for the outer folder, or choose another `guest` path',
    qemu: 'accepts',
  },
  FOLDER_ID_TOO_LONG: {
    title: 'The id of a shared folder is longer than 31 characters.',
    why: 'the id is the mount tag of the folder, and QEMU limits tags to 31 characters',
    remedy: 'shorten the id',
    source: "QEMU: mount tag '…' (… bytes) is longer than maximum (31 bytes)",
    qemu: 'refuses',
  },
})
