/**
 * What bringup needs of the operating system, one line a package, each with its reason.
 * A package counts as there when one of its `programs` is in PATH or one of its `files` exists, from any source.
 */

/** For `npm start`: the main job. */
export const MAIN_PACKAGES = [
  { name: 'qemu-system-x86', programs: ['qemu-system-x86_64'], why: 'runs the machines' },
  { name: 'gcc', programs: [process.env.CC || 'cc', 'gcc', 'clang'], why: 'compiles the bundled kernel' },
  { name: 'binutils', programs: ['ld'], why: 'links the bundled kernel' },
  {
    name: 'util-linux',
    programs: ['setpriv'],
    why: 'ties QEMU’s life to bringup’s (setpriv), and locks NVDIMM files (flock)',
  },
]

/** For `npm run test:kernel`, beyond those: what the build of Linux runs and includes. */
export const KERNEL_PACKAGES = [
  { name: 'make', programs: ['make'], why: 'builds Linux' },
  { name: 'flex', programs: ['flex'], why: 'reads Kconfig' },
  { name: 'bison', programs: ['bison'], why: 'parses Kconfig' },
  { name: 'bc', programs: ['bc'], why: 'computes the constants of the timer tick' },
  { name: 'perl', programs: ['perl'], why: 'makes tables' },
  { name: 'libelf-dev', files: ['/usr/include/gelf.h'], why: 'lets objtool read object files' },
  { name: 'libc6-dev', files: ['/usr/include/stdio.h'], why: 'has the C headers of the build’s own tools' },
  { name: 'xz-utils', programs: ['xz'], why: 'unpacks the source package of Linux' },
]

/** For the tests of sweeps on a cluster, which they start on this computer. */
export const SLURM_PACKAGES = [
  { name: 'slurmctld', files: ['/usr/sbin/slurmctld'], why: 'the controller of the cluster' },
  { name: 'slurmd', files: ['/usr/sbin/slurmd'], why: 'the nodes of the cluster' },
  { name: 'slurm-client', programs: ['sbatch'], why: 'submits, watches and cancels jobs' },
  { name: 'munge', files: ['/usr/sbin/munged'], why: 'lets the parts of the cluster trust each other' },
]

/** For `npm test`, beyond those. */
export const TEST_PACKAGES = [
  ...SLURM_PACKAGES,
  { name: 'git', programs: ['git'], why: 'checks out source trees, and serves them to the tests' },
  {
    name: 'openssh-server',
    files: ['/usr/sbin/sshd'],
    why: 'a server for check-outs by SSH, with and without a key (brings ssh and ssh-keygen)',
  },
  { name: 'openssl', programs: ['openssl'], why: 'the certificate of the HTTPS server for check-outs' },
  {
    name: 'chromium',
    programs: ['chromium', 'chromium-browser', 'google-chrome'],
    why: 'opens the reports that the tests write',
  },
  {
    name: 'iproute2',
    programs: ['ss'],
    why: 'makes the networks of the tests (ip), and says what guests have not read yet (ss)',
  },
  { name: 'tshark', programs: ['tshark'], why: 'reads the captures of networks that the tests make' },
  { name: 'passt', programs: ['passt'], why: 'gives guests the network of this computer' },
  { name: 'qemu-utils', programs: ['qemu-img'], why: 'makes the qcow2 disks that the tests attach' },
  {
    name: 'ovmf',
    files: ['/usr/share/OVMF/OVMF_CODE_4M.fd', '/usr/share/OVMF/OVMF_CODE.fd'],
    why: 'UEFI firmware for the UEFI boot tests',
  },
  { name: 'mtools', programs: ['mformat'], why: 'writes FAT images' },
  {
    name: 'dosfstools',
    files: ['/usr/sbin/fsck.vfat', '/sbin/fsck.vfat'],
    why: 'checks the FAT images that the tests make',
  },
  {
    name: 'fdisk',
    files: ['/usr/sbin/sfdisk', '/sbin/sfdisk'],
    why: 'reads the partition tables that the tests make',
  },
  {
    name: 'grub-common',
    programs: ['grub-mkrescue'],
    why: 'makes the ISO images of the kernels of the tests',
  },
  {
    name: 'grub-pc-bin',
    files: ['/usr/lib/grub/i386-pc/kernel.img'],
    why: 'the boot loader in those images',
  },
  { name: 'xorriso', programs: ['xorriso'], why: 'writes the file system of those images' },
  { name: 'gdb', programs: ['gdb'], why: 'debugs the guests of the gdb tests' },
  { name: 'python3', programs: ['python3'], why: 'runs in guests that have the root of this computer' },
  { name: 'tmux', programs: ['tmux'], why: 'a terminal of a fixed size for the terminal tests' },
  { name: 'make', programs: ['make'], why: 'builds the make-based example' },
  { name: 'cmake', programs: ['cmake'], why: 'builds the CMake kernel of the tests' },
  { name: 'cargo', programs: ['cargo'], why: 'builds the Rust example' },
  { name: 'mmdebstrap', programs: ['mmdebstrap'], why: 'makes the root file system of Debian guests' },
  {
    name: 'e2fsprogs',
    files: ['/usr/sbin/mke2fs', '/sbin/mke2fs'],
    why: 'makes the ext4 of Debian guests from a folder',
  },
  {
    name: 'docker.io',
    files: ['/usr/sbin/dockerd', '/usr/bin/dockerd'],
    why: 'a container engine for the container tests',
  },
  { name: 'meson', programs: ['meson'], why: 'configures the QEMU source that a test builds a tool of' },
  { name: 'ninja-build', programs: ['ninja'], why: 'builds that tool, rdmacm-mux' },
  { name: 'pkg-config', programs: ['pkg-config'], why: 'finds the libraries of rdmacm-mux' },
  { name: 'dpkg-dev', programs: ['dpkg-source'], why: 'unpacks the source package of QEMU' },
  {
    name: 'libglib2.0-dev',
    files: ['/usr/include/glib-2.0/glib.h'],
    why: 'a library that rdmacm-mux is built with',
  },
  {
    name: 'librdmacm-dev',
    files: ['/usr/include/rdma/rdma_cma.h'],
    why: 'a library that QEMU with RDMA is configured with',
  },
  {
    name: 'libibverbs-dev',
    files: ['/usr/include/infiniband/verbs.h'],
    why: 'a library that QEMU with RDMA is configured with',
  },
  {
    name: 'libibumad-dev',
    files: ['/usr/include/infiniband/umad.h'],
    why: 'a library that rdmacm-mux is built with',
  },
  { name: 'gpg', programs: ['gpg'], why: 'signs the releases of QEMU that tests download' },
]
