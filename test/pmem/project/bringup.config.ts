/** Guests whose kernels make persistent memory of RAM. */
import { linuxProfile } from '../../../src/project/profiles/linux.ts'

export default {
  profiles: [
    linuxProfile({ name: 'emulated-pmem', modules: ['nd_e820', 'nd_pmem'], programs: ['mkfs.ext4'] }),
  ],
}
