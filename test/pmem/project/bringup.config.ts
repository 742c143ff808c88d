/** Guests whose kernels make persistent memory of RAM. */
import { debianProfile } from '../../../src/project/profiles/debian.ts'
import { linuxProfile } from '../../../src/project/profiles/linux.ts'

export default {
  profiles: [
    linuxProfile({ name: 'emulated-pmem', modules: ['nd_e820', 'nd_pmem'], programs: ['mkfs.ext4'] }),
    // Stands for the computer that bringup is used on.
    debianProfile({ name: 'host', packages: ['qemu-system-x86', 'ndctl', 'xfsprogs'] }),
  ],
}
