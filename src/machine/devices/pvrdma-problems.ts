/** What can be wrong with para-virtual RDMA. QEMU's words are those of 7.2; QEMU 9.1 removed the device. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  PVRDMA_NO_DEVICE: {
    title: 'This computer has no RDMA device for a pvrdma.',
    why: 'pvrdma hands the guest’s work to an RDMA device of this computer; without one QEMU crashes at startup',
    remedy:
      'run `bringup rdma up`, which makes one of a network interface (soft-RoCE) if hardware is missing',
    source: 'QEMU: "Failed to get IB devices list" or "No IB devices were found", then SIGSEGV',
    qemu: 'refuses',
  },
  PVRDMA_DEVICE_UNKNOWN: {
    title: 'The RDMA device that a pvrdma names does not exist.',
    why: 'QEMU looks the device up by its name, and crashes at startup if it does not exist',
    remedy: 'use one of the names that `bringup rdma status` lists',
    source: 'QEMU: "Failed to find IB device …", then SIGSEGV',
    qemu: 'refuses',
  },
  PVRDMA_DEVICE_OPEN: {
    title: 'A pvrdma names no device, and this computer has several.',
    why: 'QEMU would take the first one, whose place in the list changes with the order in which drivers load',
    remedy: 'set `device` to one of them',
    qemu: 'accepts',
  },
  PVRDMA_PORT_UNKNOWN: {
    title: 'The RDMA device has no port of that number.',
    why: 'ports are counted from 1; QEMU starts with any number, and the driver in the guest then fails',
    remedy: 'set `port` to 1, or omit it',
    source: 'QEMU: "ibv_query_port fail, rc=22"; guest: "probe … failed with error -14"',
    qemu: 'misbehaves',
  },
  PVRDMA_PORT_DOWN: {
    severity: 'warning',
    title: 'The port of the RDMA device is not active.',
    why: 'the guest sees the state of the port: its own is not active either',
    remedy: 'bring the network interface of the port up: `ip link set dev NAME up`',
    qemu: 'misbehaves',
  },
  PVRDMA_NOT_ETHERNET: {
    title: 'The port of the RDMA device has no network interface.',
    why: 'pvrdma is RoCE: each address of the guest must be an address of the interface that the port sends by',
    remedy: 'use a RoCE device, or a soft-RoCE one made by `bringup rdma up`',
    qemu: 'misbehaves',
  },
  PVRDMA_MAC_OF_HOST: {
    title: 'The card of a pvrdma has the MAC address of the interface of this computer.',
    why: 'the link-local addresses of both are the same then: QEMU finds that of the guest at index 0, takes it for missing and repeats its search endlessly',
    remedy: 'omit `mac`, or use another one',
    source: 'QEMU: "Failed to get bk sgid_idx for sgid_idx 0", without end',
    qemu: 'misbehaves',
  },
  PVRDMA_RAM_UNFIT: {
    title: 'The RAM of a machine with a pvrdma is not of the one kind that it can share.',
    why: 'QEMU accepts only shared RAM of `memory-backend-ram`: neither a memory file, a file nor huge pages',
    remedy: 'omit `backend`, `path` and `hugePages` of memory; bringup then shares the RAM by itself',
    source: 'QEMU: "Only shared memory backed ram is supported"',
    qemu: 'refuses',
  },
  PVRDMA_RAM_BESIDE: {
    title: 'Another device of a machine with a pvrdma has private memory in RAM.',
    why: 'of several `memory-backend-ram` QEMU looks at the last one in the order of a hash table, and refuses the machine where that one is private',
    remedy: 'give that device a file, or remove it',
    source: 'QEMU: "Only shared memory backed ram is supported" (pvrdma_main.c, pvrdma_check_ram_shared)',
    qemu: 'refuses',
  },
  PVRDMA_TWICE: {
    title: 'A machine has more than one pvrdma.',
    why: 'QEMU keeps the address handles of all of them in one table, which each one replaces and removes',
    remedy: 'keep one of them',
    source: 'hw/rdma/rdma_backend.c: ah_hash',
    qemu: 'misbehaves',
  },
  PVRDMA_MANAGER_LOADED: {
    title: 'A kernel module receives the messages that the multiplexer needs.',
    why: 'one receiver of connection messages fits on a port: with ib_cm loaded, rdmacm-mux ends with status 245',
    remedy:
      'run `bringup rdma up`, which unloads the modules and says what stops working; `bringup rdma down` loads them again',
    source: 'rdmacm-mux: "umad_register() failed"; kernel: "ib_core: Method 3 already in use"',
    qemu: 'accepts',
  },
  PVRDMA_NO_UMAD: {
    title: 'The port of the RDMA device has no device for management datagrams.',
    why: 'the kernel module ib_umad makes it, and the multiplexer opens it',
    remedy: 'run `bringup rdma up`, or as root: modprobe ib_umad',
    source: 'rdmacm-mux: "umad_open_port() failed"',
    qemu: 'accepts',
  },
  PVRDMA_NO_UVERBS: {
    title: 'The RDMA device has no device for verbs.',
    why: 'the kernel module ib_uverbs makes it, and QEMU opens it; it crashes at startup if it is missing',
    remedy: 'run `bringup rdma up`, or as root: modprobe ib_uverbs',
    source: 'QEMU: "Failed to get IB devices list" or "No IB devices were found", then SIGSEGV',
    qemu: 'refuses',
  },
  PVRDMA_NO_ACCESS: {
    title: 'This user may not open a device file of the RDMA device.',
    why: 'QEMU opens the one for verbs, the multiplexer the one for management datagrams, for reading and writing',
    remedy: 'run `bringup rdma up`, which gives this user access until the next boot, or run as root',
    source: 'QEMU: "Failed to open IB device"; rdmacm-mux: "umad_open_port() failed"',
    qemu: 'refuses',
  },
  PVRDMA_MULTIPLEXER_MISSING: {
    title: 'The program rdmacm-mux is missing.',
    why: 'each guest gets the messages of connections from it; it belongs to QEMU’s sources, and no distribution packages it',
    remedy: 'build it: bringup qemu install 7.2 --from apt-source --tools',
    qemu: 'accepts',
  },
  PVRDMA_MULTIPLEXER_UNUSABLE: {
    title: 'No multiplexer answers at the socket that a pvrdma names.',
    why: 'rdmacm-mux adds device and port to the path that it is given: -s /run/mux makes /run/mux-rxe0-1',
    remedy: 'start it, correct the path, or omit `multiplexer`: bringup then starts one',
    source: 'QEMU: "Failed to connect to \'…\'"',
    qemu: 'accepts',
  },
})
