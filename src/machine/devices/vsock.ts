/** Sockets between host and guest without a network, through vhost-vsock of the host's kernel. */
import { createHash } from 'node:crypto'
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { defineDevice, type MachineView, option, type RuleContext } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { pciFunction } from './pci-expectation.ts'

/** 0 to 2 are the hypervisor, the local address and the host; 2^32 - 1 stands for any address (linux/vm_sockets.h). */
const FIRST_CID = 3
const LAST_CID = 2 ** 32 - 2

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('vsock'),
    id: zDeviceId,
    cid: z
      .int()
      .min(FIRST_CID, 'numbers up to 2 are the hypervisor, the guest itself and the host')
      .max(LAST_CID)
      .optional()
      .describe(
        'Number of the guest in the address of a socket (CID). Default: one that follows from project, machine and device.',
      ),
  }),
)

type Config = z.output<typeof schema>

const VHOST = '/dev/vhost-vsock'

export const problems = defineDiagnostics({
  VSOCK_UNAVAILABLE: {
    title: 'The host has no vhost-vsock.',
    why: 'the kernel of the host carries the data; QEMU has no other way to do it',
    remedy:
      'load the module: sudo modprobe vhost_vsock; where the kernel lacks it, use a forwarded port or a virtio-console',
    source: 'QEMU: "vhost-vsock: failed to open vhost device: No such file or directory"',
    qemu: 'refuses',
  },
  VSOCK_NO_ACCESS: {
    title: '/dev/vhost-vsock cannot be opened by this user.',
    why: 'QEMU runs as the user who runs bringup, and opens the device for reading and writing',
    remedy: 'join the group that owns the device, often kvm: sudo usermod -aG kvm $USER, then log in again',
    source: 'QEMU: "vhost-vsock: failed to open vhost device: Permission denied"',
    qemu: 'refuses',
  },
  VSOCK_TWICE: {
    title: 'A machine has more than one vsock device.',
    why: 'the address of a guest has one number; Linux uses the first device and ignores the others',
    remedy: 'keep one of them',
    source: 'Linux net/vmw_vsock/virtio_transport.c: "Only one virtio-vsock device per guest is supported"',
    qemu: 'misbehaves',
  },
})

export const vsock = defineDevice({
  kind: 'vsock',
  summary: 'sockets between host and guest without a network (vhost-vsock)',
  schema,
  savedState: () => 'the kernel of the host has its connections, and each CID may be in use once',
  diagnostics: problems,
  flag: {
    name: 'vsock',
    first: 'cid',
    example: '42',
    help: 'add sockets between host and guest; the guest has this number (CID)',
  },
  paths: () => [VHOST],
  needs: () => ({ types: ['vhost-vsock-pci'] }),
  check,
  compile: (config, { machine }) => ({
    args: [
      option('-device', 'vhost-vsock-pci', {
        id: config.id ?? 'vsock0',
        'guest-cid': cidOf(config, machine),
      }),
    ],
  }),
  topology: ({ cid }) => ({ detail: cid === undefined ? '' : `CID ${cid}` }),
  mustSee: ({ id = 'vsock0' }) => [pciFunction(`vsock ${id}`, '1af4:1053', 0)],
  notCompared: ({ id = 'vsock0' }) => [
    { device: `vsock ${id}`, aspect: 'CID', because: 'no guest reports its number' },
  ],
})

/** The number of a guest. Guests of other racks, machines and projects have others. */
export function cidOf(
  { id = 'vsock0', cid }: Config,
  { name, home }: Pick<MachineView, 'name' | 'home'>,
): number {
  if (cid !== undefined) return cid
  const digest = createHash('sha256')
    .update(`${home?.folder ?? ''}\0${name}\0${id}`)
    .digest()
  return FIRST_CID + (digest.readUInt32BE() % (LAST_CID - FIRST_CID + 1))
}

function check(_: Config, { machine, facts, path }: RuleContext): readonly Diagnostic[] {
  const first = machine.devices.find((d) => d.kind === 'vsock')
  const fact = facts.files.get(VHOST)
  const isDevice = fact === undefined || fact.kind === 'character-device'
  return [
    ...(first && first.path !== path
      ? [problems.VSOCK_TWICE.at(path, `${first.path} is a vsock device too`)]
      : []),
    ...(isDevice ? [] : [problems.VSOCK_UNAVAILABLE.at(path, `${VHOST} does not exist`)]),
    ...(isDevice && fact && !(fact.isReadable && fact.isWritable)
      ? [problems.VSOCK_NO_ACCESS.at(path, `${VHOST} cannot be opened for reading and writing`)]
      : []),
  ]
}
