/**
 * What a guest of bringup needs of a kernel, as a configuration fragment: laid over any configuration, `tinyconfig`
 * included. Each line names what it is for. Drivers are built in, so that a kernel without modules does too.
 */

const NEEDS: readonly (readonly [what: string, ...options: readonly string[]])[] = [
  ['64 bits, and more than one CPU', '64BIT', 'SMP'],
  ['the console on the serial port', 'TTY', 'PRINTK', 'SERIAL_8250', 'SERIAL_8250_CONSOLE', 'UNIX98_PTYS'],
  ['the initial RAM disk, and programs in it', 'BLK_DEV_INITRD', 'BINFMT_ELF', 'BINFMT_SCRIPT'],
  [
    'what the command channel and busybox call',
    'FUTEX',
    'EPOLL',
    'SIGNALFD',
    'TIMERFD',
    'EVENTFD',
    'POSIX_TIMERS',
    'MULTIUSER',
    'SHMEM',
    'ADVISE_SYSCALLS',
    'FILE_LOCKING',
    'INOTIFY_USER',
  ],
  ['file systems of the kernel', 'PROC_FS', 'PROC_SYSCTL', 'SYSFS', 'DEVTMPFS', 'TMPFS'],
  ['uevents and sockets', 'NET', 'UNIX', 'INET', 'NETDEVICES', 'HOTPLUG_PCI'],
  ['the machine: PCI, ACPI, power', 'PCI', 'PCI_MSI', 'ACPI', 'X86_X2APIC', 'HIGH_RES_TIMERS', 'NO_HZ_IDLE'],
  [
    'a direct boot by QEMU, the guest’s side of KVM',
    'RELOCATABLE',
    'HYPERVISOR_GUEST',
    'PARAVIRT',
    'KVM_GUEST',
    'PVH',
  ],
  [
    'virtio: command channel, disks, network',
    'VIRTIO_MENU',
    'VIRTIO_PCI',
    'VIRTIO_PCI_LEGACY',
    'VIRTIO_CONSOLE',
    'BLOCK',
    'BLK_DEV',
    'VIRTIO_BLK',
    'VIRTIO_NET',
    'PACKET',
  ],
  [
    'shared folders: 9p, virtiofs, and overlays over them',
    'NETWORK_FILESYSTEMS',
    'NET_9P',
    'NET_9P_VIRTIO',
    '9P_FS',
    'FUSE_FS',
    'VIRTIO_FS',
    'OVERLAY_FS',
  ],
  ['NUMA', 'NUMA', 'X86_64_ACPI_NUMA', 'ACPI_HMAT'],
  [
    'NVDIMMs',
    'MIGRATION',
    'MEMORY_HOTPLUG',
    'ZONE_DEVICE',
    'LIBNVDIMM',
    'ACPI_NFIT',
    'BLK_DEV_PMEM',
    'BTT',
    'DAX',
    'DEV_DAX',
    'FS_DAX',
  ],
  ['memory that is described rather than wanted', 'SPARSEMEM_VMEMMAP', 'MEMORY_HOTREMOVE'],
]

/** The fragment's text. */
export function bringupFragment(): string {
  const lines = NEEDS.flatMap(([what, ...options]) => [
    `# ${what}`,
    ...options.map((name) => `CONFIG_${name}=y`),
    '',
  ])
  return `# Written by bringup: what its guests need of a kernel.\n\n${lines.join('\n')}`
}
