/** What can be wrong with network cards. */
import { defineDiagnostics } from '../../diagnostics.ts'

export const problems = defineDiagnostics({
  NIC_MAC_INVALID: {
    title: 'A MAC address is malformed.',
    why: 'it is six bytes in hexadecimal digits, with colons between them',
    remedy: 'write it as 52:54:00:12:34:56, or omit it',
    source: "QEMU: \"Property 'virtio-net-device.mac' doesn't take value\"",
    qemu: 'refuses',
  },
  NIC_MAC_NOT_UNICAST: {
    title: 'A MAC address is not one that a card can have.',
    why: 'an odd first byte makes it a group address, which switches and guests drop; QEMU replaces one of zeros by its own default',
    remedy: 'make the first byte even, such as 52, or omit `mac`',
    source: 'IEEE 802.3; QEMU accepts it',
    qemu: 'misbehaves',
  },
  NIC_MAC_TWICE: {
    title: 'Two cards of the machine have the same MAC address.',
    why: 'answers reach the wrong card; QEMU does not notice',
    remedy: 'omit `mac`: each card then gets its own',
    source: 'seen: QEMU starts silently',
    qemu: 'misbehaves',
  },
  NIC_PORT_RANGE: {
    title: 'A port of a forward is not between 1 and 65535.',
    why: 'ports are 16-bit numbers; for a free host port omit `host`',
    remedy: 'correct the port',
    source: 'QEMU: "Invalid host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_TWICE: {
    title: 'Two forwards listen on the same host port.',
    why: 'only one process can listen on a port',
    remedy: 'use another host port, or omit `host` for a free one',
    source: 'QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_TAKEN: {
    title: 'The host port of a forward is in use.',
    why: 'only one process can listen on a port',
    remedy: 'use another host port, or omit `host` for a free one',
    source: 'QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_PORT_PRIVILEGED: {
    title: 'This user may not listen on the host port of a forward.',
    why: 'ports below net.ipv4.ip_unprivileged_port_start need CAP_NET_BIND_SERVICE',
    remedy: 'use a higher host port, or omit `host` for a free one',
    source: 'ip(7); QEMU: "Could not set up host forwarding rule"',
    qemu: 'refuses',
  },
  NIC_NETWORK_UNKNOWN: {
    title: 'A card is on a network that its rack does not have, or its machine is in no rack.',
    why: 'a network connects the guests of one rack, which describes it',
    remedy: 'describe it: racks.NAME.networks, or set network to "user", "passt" or "none"',
    qemu: 'accepts',
  },
  NIC_BACKEND_MISSING: {
    title: 'This QEMU lacks the network backend that a card needs.',
    why: 'private networks of a rack and passt need `-netdev stream` (since QEMU 7.2), the user network needs a QEMU that was built with slirp',
    remedy:
      'use QEMU 7.2 or newer (--qemu PATH, or `qemu` of the machine; Debian 12 and Ubuntu 24.04 have one), or omit the card',
    source: 'QEMU: "Parameter \'type\' expects a netdev backend type", QMP query-qmp-schema',
    qemu: 'refuses',
  },
  NIC_ADDRESS_WITHOUT_NETWORK: {
    title: 'A card that is not on a network of the rack has an address.',
    why: 'the address is what DHCP of that network gives the card; on the user network QEMU decides',
    remedy: 'omit `address`, or set `network` to a network of the rack',
    qemu: 'accepts',
  },
  NIC_FORWARD_WITHOUT_NETWORK: {
    title: 'Ports are forwarded to a card that is not on the user network.',
    why: 'forwards belong to the user network',
    remedy: 'set network to "user", or omit `forwards`',
    qemu: 'accepts',
  },
  NIC_OPTION_UNSUPPORTED: {
    title: 'A model of network card does not have an option.',
    why: 'queues and offloads are features of some models only',
    remedy: 'omit the option, or use model virtio-net-pci',
    source: 'qemu-system-x86_64 -device MODEL,help; QEMU: "Property \'e1000.mq\' not found"',
    qemu: 'refuses',
  },
  NIC_ROM_UNREADABLE: {
    title: 'The option ROM of a card is not a file that this user can read.',
    why: 'QEMU reads it when it starts',
    remedy: 'correct the path, or omit `rom`',
    source: 'QEMU: "failed to find romfile"',
    qemu: 'refuses',
  },
  NIC_RDMA_WITHOUT_NETWORK: {
    title: 'A card without a network has an RDMA device.',
    why: 'RDMA in software sends over the card, which is not connected; its port never becomes active',
    remedy: 'set `network` to a network of the rack or to "user", or omit `rdma`',
    qemu: 'accepts',
  },
  NIC_RDMA_NAME_TWICE: {
    title: 'Two RDMA devices of a guest have the same name.',
    why: 'Linux tells RDMA devices apart by their names, and refuses the second one',
    remedy: 'use another name, or omit it: the devices are then called rxe0, rxe1, …',
    source: 'rdma(8): "error: File exists"',
    qemu: 'accepts',
  },
  NIC_QUEUES_WITHOUT_TAP: {
    title: 'A card has several queues on a network that has one.',
    why: 'only a tap of a host network has more than one queue; QEMU starts, and the guest uses one',
    remedy: 'omit `queues`, or give the network `host: true`',
    source: 'seen: QEMU starts silently, and the guest has one queue',
    qemu: 'misbehaves',
  },
})
