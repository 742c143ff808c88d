/** A computer with soft-RoCE, as a guest: it has the file system of this one. */
import { linuxProfile } from '../../../src/project/profiles/linux.ts'

export default {
  profiles: [
    linuxProfile({
      name: 'rdma-host',
      kernelPackage: 'linux-image-amd64',
      // Guests within the guest run on the SVM that QEMU emulates.
      modules: ['kvm_amd', 'overlay'],
    }),
  ],
}
