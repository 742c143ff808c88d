/** What can be wrong with a store that is made, changed, copied or removed. */
import { defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  STORE_UNKNOWN: {
    title: 'The store does not exist.',
    why: 'a word without a slash or dot names a store of this project, MACHINE/ID the store of a machine; anything else is a path',
    remedy: '`bringup nvdimm list` shows the stores of this project; `bringup nvdimm create` makes one',
  },
  STORE_EXISTS: {
    title: 'The file exists.',
    why: 'its data may be needed',
    remedy: 'choose another name, or pass --discard to lose its content',
  },
  STORE_FOLDER_MISSING: {
    title: 'The folder of a new store does not exist.',
    why: 'bringup does not create it, because a missing folder is usually a typo or a missing mount',
    remedy: 'create the folder, mount its file system, or correct the path',
  },
  STORE_OPERATION_FAILED: {
    title: 'An operation on a store failed.',
    why: 'the operating system refused it with the error in the message',
    remedy: 'check permissions and free space, or name another path',
  },
  STORE_IS_NO_FILE: {
    title: 'The store is not a file.',
    why: 'only files can be created, resized, copied and removed; the size of a DAX device is that of its namespace',
    remedy: 'change a DAX device with ndctl; name it as `file` in the description to use it as it is',
    source: 'linux/drivers/dax/device.c: a DAX device can be mapped, not read',
  },
  STORE_IN_USE: {
    title: 'A process uses the store.',
    why: 'a copy or change while a guest writes would be inconsistent',
    remedy: 'wait for that run or end it',
    source: 'flock(2), /proc/locks',
  },
  STORE_WOULD_SHRINK: {
    title: 'A store would become smaller.',
    why: 'data behind the new end, and the label area, would be lost',
    remedy:
      'make a new store of that size (`bringup nvdimm create`) and copy the data in a guest; or pass --discard to create an empty store',
    source: 'QEMU docs/nvdimm.txt: the label area is at the end of the backend',
  },
  STORE_LABEL_FIXED: {
    title: 'The size of a label area cannot change.',
    why: 'a label area is cut out of the end of the file: it would hide data, or show labels as data',
    remedy:
      '`bringup nvdimm clone OLD NEW --label SIZE` makes a copy with another label area; or pass --discard to create an empty store',
    source: 'QEMU docs/nvdimm.txt: "label-size=$LSZ … the last $LSZ bytes … are used as the label"',
  },
  STORE_RESIZE_UNFINISHED: {
    title: 'A resize of a store is unfinished.',
    why: 'a resize by an older version of bringup was killed; the label area is kept in the record beside the file until it is in its new place',
    remedy: 'run the same `bringup nvdimm resize` again: it continues where it stopped',
  },
  STORE_SIZE_UNFIT: {
    title: 'A store cannot have that size.',
    why: 'QEMU maps whole pages, and requires a label area of at least 128K',
    remedy: 'use a multiple of 4K, for Linux preferably of 128M; and a label area of 128K',
    source: 'QEMU: "Property \'nvdimm.label-size\' (0x1000) is required at least 0x20000"',
  },
})
