/** Disks. What the guest writes is discarded unless it is asked to be kept, so that a run never changes an image. */
import { resolve } from 'node:path'
import { formatBytes } from '../../units.ts'
import {
  type Argument,
  type Compiled,
  defineDevice,
  type MachineView,
  option,
  type RuleContext,
} from '../device.ts'
import { problems } from './disk-problems.ts'
import { checkDisk, disksOf, ideNumber } from './disk-rules.ts'
import { type DiskConfig, diskFile, formatOf, schema, writesImage } from './disk-schema.ts'
import { diskExpectations, diskNotCompared } from './disk-seen.ts'
import { CONTROLLERS, controllerFor } from './medium.ts'
import { pciFunction } from './pci-expectation.ts'

/** A PCI function of its own, or for IDE the controller. `virtio-blk-pci` is transitional on a root bus. */
const PCI = {
  virtio: '1af4:1001',
  nvme: '1b36:0010',
  ide: '8086:2922',
  'ide on pc': '8086:7010',
  scsi: CONTROLLERS.scsi.numbers,
  usb: CONTROLLERS.usb.numbers,
} as const
const MODELS = {
  virtio: 'virtio-blk-pci',
  nvme: 'nvme',
  ide: 'ide-hd',
  scsi: 'scsi-hd',
  usb: 'usb-storage',
} as const

export const disk = defineDevice({
  kind: 'disk',
  summary: 'a disk from an image; writes are discarded unless persist is true',
  schema,
  diagnostics: problems,
  savedState: ({ bus }) => bus !== 'nvme' || 'QEMU cannot save an NVMe disk; use bus "virtio"',
  place: (disk, home) => ({
    ...disk,
    ...(disk.file === undefined ? {} : { file: resolve(home.folder, disk.file) }),
    ...(disk.base === undefined ? {} : { base: resolve(home.folder, disk.base) }),
  }),
  flag: {
    name: 'disk',
    first: 'file',
    example: 'root.qcow2,persist=true',
    help: 'add a disk from this image',
  },
  paths: (config, machine) => [
    diskFile(config, machine),
    ...(config.base === undefined ? [] : [config.base]),
  ],
  needs: ({ bus }) => ({
    types: [MODELS[bus], ...(bus === 'scsi' || bus === 'usb' ? [CONTROLLERS[bus].driver] : [])],
  }),
  bootindex: ({ bootindex }) => bootindex,
  keeps: (config) => (writesImage(config) ? `disk ${config.file ?? config.id ?? ''}` : undefined),
  check: checkDisk,
  compile,

  topology: ({ bus, size }) => ({ detail: size === undefined ? bus : `${formatBytes(size)} ${bus}` }),

  mustSee(config, { machine, facts, path }) {
    const { id = 'disk0', bus } = config
    const alike = disksOf(machine).filter((d) => d.config.bus === bus)
    const ordinal = bus === 'ide' ? 0 : alike.findIndex((d) => d.path === path)
    return [
      pciFunction(`disk ${id}`, PCI[bus === 'ide' && machine.type === 'pc' ? 'ide on pc' : bus], ordinal),
      ...diskExpectations(config, machine, facts),
    ]
  },
  notCompared: (config, { machine, facts }) => diskNotCompared(config, machine, facts),
})

function compile(config: DiskConfig, { machine, facts, path }: RuleContext): Compiled {
  const { id = 'disk0', bus, readonly, size, bootindex, serial = id } = config
  const file = diskFile(config, machine)
  const fact = facts.files.get(file)
  const drive = `${id}-drive`
  const isMissing = !fact || fact.kind === 'missing'
  const made = config.base === undefined ? size : facts.files.get(config.base)?.bytes
  const files: Compiled['files'] =
    isMissing && made !== undefined && formatOf(config) === 'raw'
      ? [
          {
            kind: 'create-sparse',
            path: file,
            bytes: made,
            ...(config.base === undefined ? {} : { from: config.base }),
          },
        ]
      : []
  const controller = bus === 'scsi' || bus === 'usb' ? controllerFor(bus, id) : undefined
  const args: readonly Argument[] = [
    // Driver and name apart: a name with a colon would else be taken for a protocol, such as `nbd:`.
    // QEMU puts a snapshot's temporary file, soon unlinked, into a folder of its own in TMPDIR, else /var/tmp.
    option('-drive', undefined, {
      if: 'none',
      id: drive,
      format: formatOf(config),
      'file.driver': fact?.kind === 'block-device' ? 'host_device' : 'file',
      'file.filename': file,
      ...(readonly ? { readonly } : {}),
      ...(readonly || writesImage(config) ? {} : { snapshot: true }),
    }),
    ...(controller?.args ?? []),
    option('-device', MODELS[bus], {
      id,
      drive,
      ...(bus === 'ide' ? idePort(machine, path) : { bus: controller?.bus }),
      serial,
      bootindex,
    }),
  ]
  return { args, files }
}

/** QEMU fills a bus before it finds out that AHCI has one disk on each, so ports are named. */
function idePort(machine: MachineView, path: string): Readonly<Record<string, string | number>> {
  const n = ideNumber(machine, path)
  return machine.type === 'pc' ? { bus: `ide.${n >> 1}`, unit: n & 1 } : { bus: `ide.${n}` }
}
