/** A CD-ROM drive with an image in it. */
import { resolve } from 'node:path'
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { type Compiled, defineDevice, type MachineView, option, type RuleContext } from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import {
  CONTROLLERS,
  checkMedium,
  controllerFor,
  mediumBackend,
  problems as mediumProblems,
} from './medium.ts'
import { pciFunction } from './pci-expectation.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('cdrom'),
    id: zDeviceId,
    file: z.string().min(1).describe('ISO image, or block device.'),
    bus: z
      .enum(['ide', 'scsi', 'usb'])
      .default('ide')
      .describe('`ide` is SATA on a q35; `scsi` is virtio-scsi.'),
    bootindex: z.int().nonnegative().optional().describe('Order in which firmware tries to boot.'),
  }),
)

type Config = z.output<typeof schema>

const own = defineDiagnostics({
  CDROM_IDE_FULL: {
    title: 'The machine has more IDE drives than ports.',
    why: 'the AHCI of a q35 has 6 ports, the two IDE channels of a pc 4; disks take the first ones',
    remedy: 'use bus "scsi" or "usb" for the CD-ROM',
    source: 'QEMU: "Bus \'ide.6\' not found"; "Bus \'ide.2\' not found" with pc',
    qemu: 'refuses',
  },
})

export const problems = { ...mediumProblems, ...own }

const DRIVES = { ide: 'ide-cd', scsi: 'scsi-cd', usb: 'usb-storage' } as const
const IDE_PORTS: Readonly<Record<string, number>> = { q35: 6, pc: 4 }
const IDE = { q35: '8086:2922', pc: '8086:7010' } as const

export const cdrom = defineDevice({
  kind: 'cdrom',
  summary: 'a CD-ROM drive with an ISO image',
  schema,
  diagnostics: problems,
  savedState: () => true,
  place: (cdrom, home) => ({ ...cdrom, file: resolve(home.folder, cdrom.file) }),
  flag: {
    name: 'cdrom',
    first: 'file',
    example: 'kernel.iso',
    help: 'add a CD-ROM drive with this ISO image',
  },
  paths: ({ file }) => [file],
  needs: ({ bus }) => ({
    types: bus === 'ide' ? [DRIVES.ide] : [CONTROLLERS[bus].driver, DRIVES[bus]],
  }),
  bootindex: ({ bootindex }) => bootindex,
  check(config, { machine, facts, path }): readonly Diagnostic[] {
    const ports = IDE_PORTS[machine.type] ?? 0
    const n = ideNumber(machine, path)
    return [
      ...checkMedium(facts.files.get(config.file), { at: `${path}.file` }),
      ...(config.bus === 'ide' && n >= ports
        ? [
            own.CDROM_IDE_FULL.at(
              `${path}.bus`,
              `this is IDE drive ${n + 1}, a ${machine.type} has ${ports} ports`,
            ),
          ]
        : []),
    ]
  },
  compile,
  topology: ({ bus }) => ({ detail: bus }),
  mustSee({ id = 'cdrom0', bus }, { machine }) {
    const numbers = bus === 'ide' ? IDE[machine.type === 'pc' ? 'pc' : 'q35'] : CONTROLLERS[bus].numbers
    return [pciFunction(`cdrom ${id}`, numbers, 0)]
  },
  notCompared: ({ id = 'cdrom0' }) => [
    { device: `cdrom ${id}`, aspect: 'content', because: 'the comparison reads no medium' },
  ],
})

function compile(
  { id = 'cdrom0', file, bus, bootindex }: Config,
  { machine, facts, path }: RuleContext,
): Compiled {
  const drive = `${id}-drive`
  const backend = mediumBackend(facts.files.get(file), file, {
    if: 'none',
    id: drive,
    media: 'cdrom',
    readonly: true,
  })
  if (bus === 'ide')
    return {
      args: [backend, option('-device', DRIVES.ide, { id, drive, ...idePort(machine, path), bootindex })],
    }
  const controller = controllerFor(bus, id)
  return {
    args: [
      backend,
      ...controller.args,
      option('-device', DRIVES[bus], { id, drive, bus: controller.bus, bootindex }),
    ],
  }
}

/** Behind the IDE disks, in the order of the description. */
function ideNumber(machine: MachineView, path: string): number {
  const isIde = (kind: string) => (d: MachineView['devices'][number]) =>
    d.kind === kind && (d.config as { readonly bus?: string }).bus === 'ide'
  const disks = machine.devices.filter(isIde('disk')).length
  return disks + machine.devices.filter(isIde('cdrom')).findIndex((d) => d.path === path)
}

function idePort(machine: MachineView, path: string): Readonly<Record<string, string | number>> {
  const n = ideNumber(machine, path)
  return machine.type === 'pc' ? { bus: `ide.${n >> 1}`, unit: n & 1 } : { bus: `ide.${n}` }
}
