/** Every device that bringup knows. A new device is one new file and its line here. */
import { boot } from './devices/boot.ts'
import { cdrom } from './devices/cdrom.ts'
import { console } from './devices/console.ts'
import { cpu } from './devices/cpu.ts'
import { cxl } from './devices/cxl.ts'
import { debugExit } from './devices/debug-exit.ts'
import { debugcon } from './devices/debugcon.ts'
import { disk } from './devices/disk.ts'
import { display } from './devices/display.ts'
import { floppy } from './devices/floppy.ts'
import { folder } from './devices/folder.ts'
import { gdb } from './devices/gdb.ts'
import { ivshmem } from './devices/ivshmem.ts'
import { memory } from './devices/memory.ts'
import { nic } from './devices/nic.ts'
import { numa } from './devices/numa.ts'
import { nvdimm } from './devices/nvdimm.ts'
import { pvrdma } from './devices/pvrdma.ts'
import { serial } from './devices/serial.ts'
import { virtioConsole } from './devices/virtio-console.ts'
import { virtioPmem } from './devices/virtio-pmem.ts'
import { vsock } from './devices/vsock.ts'
import { watchdog } from './devices/watchdog.ts'

/** Parts that a machine has once: keys of the description. */
export const sections = { cpu, memory, numa, boot, console, display, debugcon, debugExit, gdb } as const

/** Parts that a machine has any number of: entries of `devices`, told apart by `kind`. */
export const devices = [
  nvdimm,
  virtioPmem,
  cdrom,
  cxl,
  disk,
  floppy,
  folder,
  ivshmem,
  nic,
  pvrdma,
  serial,
  virtioConsole,
  vsock,
  watchdog,
] as const
