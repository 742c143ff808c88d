/** What can be wrong with a store that is made, changed, copied or removed. */
import { defineDiagnostics } from '../diagnostics.ts'

export const problems = defineDiagnostics({
  STORE_UNKNOWN: {
    title: 'There is no store of that name, and no file at that path.',
    why: 'a word without a slash or dot names a store of this project, MACHINE/ID that of a machine; all else is a path',
    remedy: '`bringup nvdimm list` shows the stores of this project; `bringup nvdimm create` makes one',
  },
  STORE_EXISTS: {
    title: 'There is a file of that name already.',
    why: 'it may hold data that is still needed',
    remedy: 'choose another name; or, if its content may be lost, say --discard',
  },
  STORE_FOLDER_MISSING: {
    title: 'The folder of a new store does not exist.',
    why: 'a folder that is not there is more often a mistyped path, or a mount that is missing, than a wish',
    remedy: 'make the folder, mount what belongs there, or correct the path',
  },
  STORE_OPERATION_FAILED: {
    title: 'A store could not be looked at, made, changed, copied or removed.',
    why: 'the operating system refused it; its own words say why',
    remedy: 'see that this user may go there, that it is writable and has room; or name another place',
  },
  STORE_IS_NO_FILE: {
    title: 'Only files can be made, resized, copied and removed; this is something else.',
    why: 'the size of a DAX device is that of its namespace, and it cannot be read as a file can',
    remedy: 'change a DAX device with ndctl; name it as `file` in the description to use it as it is',
    source: 'linux/drivers/dax/device.c: a DAX device can be mapped, not read',
  },
  STORE_IN_USE: {
    title: 'A process holds the store.',
    why: 'a change or a copy while a guest writes to it would be of no moment in time',
    remedy: 'wait for that run or end it',
    source: 'flock(2), /proc/locks',
  },
  STORE_WOULD_SHRINK: {
    title: 'A store would become smaller.',
    why: 'what lies behind the new end would be lost, and the label area with it',
    remedy:
      'make a new store of that size (`bringup nvdimm create`) and copy what is needed in a guest; or say --discard to begin anew, empty',
    source: 'QEMU docs/nvdimm.txt: the label area is at the end of the backend',
  },
  STORE_LABEL_FIXED: {
    title: 'A store would get another label area.',
    why: 'a label area is cut out of the end of the file: it would hide data, or show labels as data',
    remedy:
      '`bringup nvdimm clone OLD NEW --label SIZE` makes a copy with another label area; or say --discard to begin anew, empty',
    source: 'QEMU docs/nvdimm.txt: "label-size=$LSZ … the last $LSZ bytes … are used as the label"',
  },
  STORE_RESIZE_UNFINISHED: {
    title: 'A store is half way between two sizes.',
    why: 'a resize by an older version of bringup was killed; the label area is kept in the record beside the file until it is in its new place',
    remedy: 'say the same `bringup nvdimm resize` once more: it goes on where it stopped',
  },
  STORE_SIZE_UNFIT: {
    title: 'A size is nothing that a store can have.',
    why: 'QEMU maps whole pages, and wants a label area of at least 128K',
    remedy: 'use multiples of 4K, for Linux best of 128M; a label area of 128K',
    source: 'QEMU: "Property \'nvdimm.label-size\' (0x1000) is required at least 0x20000"',
  },
})
