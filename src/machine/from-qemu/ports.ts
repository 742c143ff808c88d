/** Serial ports, channels, the display, and ports by which a kernel speaks or ends. */
import { isVgaCard } from '../devices/display.ts'
import type { QemuOption } from '../qemu-args.ts'
import { compact, fieldsOf, numberOf } from './fields.ts'
import { byId, type Command, type Finding, lost, named, type Reader, skipped } from './finding.ts'

export const readPorts: Reader = (command) => [
  ...readSerials(command),
  ...readChannels(command),
  ...readDebugPorts(command),
  readDisplay(command),
  ...readGdb(command),
  ...readWatchdog(command),
  ...readVsock(command),
  ...readFolders(command),
]

const chardevOf = (command: Command, id: string | undefined): readonly QemuOption[] => {
  const chardev = byId(command, ['chardev'], id)
  return chardev ? [chardev] : []
}

/** COM1 is the console of every machine; the others are devices. */
function readSerials(command: Command): readonly Finding[] {
  const short = named(command, 'serial').map((option, port) => {
    const chardev = chardevOf(command, /^chardev:(.+)$/.exec(option.value ?? '')?.[1])
    const isNone = option.value === 'none'
    const device = port > 0 && !isNone ? { device: { kind: 'serial' } } : {}
    return { uses: [option, ...chardev], ...device }
  })
  const devices = named(command, 'device')
    .filter((o) => o.head === 'isa-serial')
    .map((option, place) => {
      const port = numberOf(option.keys.get('index')) ?? place + named(command, 'serial').length
      const chardev = chardevOf(command, option.keys.get('chardev'))
      // bringup names the port after the device.
      const id = option.keys.get('id')?.replace(/-port$/, '')
      const device = port > 0 ? { device: compact({ kind: 'serial', id }) } : {}
      return { uses: [option, ...chardev], ...device }
    })
  return [...short, ...devices]
}

/** Consoles and ports on one virtio-serial controller; the console of the machine has one of its own. */
function readChannels(command: Command): readonly Finding[] {
  const devices = named(command, 'device')
  const controllers = devices.filter((o) => /^virtio-serial(-pci)?$/.test(o.head ?? ''))
  const ports = devices.filter((o) => o.head === 'virtconsole' || o.head === 'virtserialport')
  if (ports.length === 0) return []
  const read = ports.map((option) => {
    const fields = fieldsOf(option, ['id', 'chardev', 'name', 'nr'])
    const id = option.keys.get('id')
    const uses = [option, ...chardevOf(command, option.keys.get('chardev'))]
    if (id === 'console-port') return { uses, machine: { console: 'virtio' } }
    const own = id?.replace(/-port$/, '')
    const name = option.head === 'virtserialport' ? fields?.values.name : undefined
    return { uses, device: compact({ kind: 'virtio-console', id: own, name }) }
  })
  return [...read, { uses: controllers }]
}

function readDebugPorts(command: Command): readonly Finding[] {
  const devices = named(command, 'device')
  const consoles = devices.filter((o) => o.head === 'isa-debugcon')
  const exits = devices.filter((o) => o.head === 'isa-debug-exit')
  const port = ({ keys }: QemuOption, usual: number) => numberOf(keys.get('iobase')) ?? usual
  const [first, exit] = [consoles[0], exits[0]]
  return [
    ...named(command, 'debugcon').map((option) => ({ uses: [option], machine: { debugcon: true } })),
    ...(first
      ? [
          {
            uses: [...consoles, ...consoles.flatMap((o) => chardevOf(command, o.keys.get('chardev')))],
            machine: { debugcon: port(first, 0xe9) === 0xe9 ? true : { port: port(first, 0xe9) } },
          },
        ]
      : []),
    // QEMU's own default (hw/misc/debugexit.c) is 0x501.
    ...(exit
      ? [
          {
            uses: exits,
            machine: { debugExit: port(exit, 0x501) === 0xf4 ? true : { port: port(exit, 0x501) } },
          },
        ]
      : []),
    ...(command.isBare
      ? [
          {
            uses: [],
            machine: { ...(first ? {} : { debugcon: false }), ...(exit ? {} : { debugExit: false }) },
          },
        ]
      : []),
  ]
}

const CARDS: Readonly<Record<string, string>> = {
  VGA: 'std',
  'cirrus-vga': 'cirrus',
  'bochs-display': 'bochs',
  'virtio-vga': 'virtio-vga',
  'virtio-gpu-pci': 'virtio-gpu',
}
const VGA: Readonly<Record<string, string>> = {
  none: 'none',
  std: 'std',
  cirrus: 'cirrus',
  virtio: 'virtio-vga',
}

/** QEMU's standard card is there unless `-vga`, `-nodefaults` or another card for VGA says otherwise. */
function readDisplay(command: Command): Finding {
  const [words, cards] = [named(command, 'vga'), named(command, 'device').filter(isPlainCard)]
  const card = cards[0]
  const word = words.at(-1)
  const named_ = word === undefined ? (command.isBare ? 'none' : 'std') : VGA[word.value ?? '']
  const isAlone = word !== undefined || command.isBare || (card !== undefined && isVgaCard(card))
  if (card !== undefined && isAlone && (named_ === 'none' || named_ === undefined || word === undefined))
    return { uses: [card, ...words], machine: { display: CARDS[card.head ?? ''] } }
  // Cards that the description has no name for stay arguments.
  return named_ === undefined ? { uses: [] } : { uses: words, machine: { display: named_ } }
}

const isPlainCard = (option: QemuOption) =>
  CARDS[option.head ?? ''] !== undefined &&
  [...option.keys.keys()].every((key) => ['', 'driver', 'id'].includes(key))

function readGdb(command: Command): readonly Finding[] {
  const servers = named(command, 's', 'gdb')
  const stops = named(command, 'S')
  if (servers.length === 0)
    return stops.map((o) =>
      skipped(o, 'bringup starts the guest when all is ready; `--gdb` waits for a debugger'),
    )
  if (stops.length === 0)
    return servers.map((o) => skipped(o, '`bringup run --gdb` starts a server for gdb, and waits for it'))
  const port = numberOf(/:(\d+)$/.exec(servers.at(-1)?.value ?? ':1234')?.[1]) ?? 1234
  return [{ uses: [...servers, ...stops], machine: { gdb: port === 0 ? true : port } }]
}

function readWatchdog(command: Command): readonly Finding[] {
  const cards = named(command, 'device').filter((o) => o.head === 'i6300esb')
  const short = named(command, 'watchdog').filter((o) => o.value === 'i6300esb')
  const actions = named(command, 'action').filter(({ keys }) => keys.has('watchdog'))
  const words = named(command, 'watchdog-action')
  const card = cards[0] ?? short[0]
  if (!card) return []
  const action = actions.at(-1)?.keys.get('watchdog') ?? words.at(-1)?.value
  const device = compact({
    kind: 'watchdog',
    id: card.keys.get('id'),
    action: action === 'reset' ? undefined : action,
  })
  return [{ uses: [card, ...actions, ...words], device }]
}

function readVsock(command: Command): readonly Finding[] {
  return named(command, 'device').flatMap((option) => {
    const fields = /^vhost-vsock-pci/.test(option.head ?? '')
      ? fieldsOf(option, ['id', 'guest-cid'])
      : undefined
    if (!fields) return []
    const { id, 'guest-cid': cid } = fields.values
    const device = compact({ kind: 'vsock', id, cid: numberOf(cid) })
    return [{ uses: [option], device, remarks: fields.remarks }]
  })
}

/** Folders by 9p. The mount tag becomes the id, which is what bringup mounts by. */
function readFolders(command: Command): readonly Finding[] {
  const short = named(command, 'virtfs').flatMap((option) => {
    const { keys } = option
    const path = keys.get('path')
    return path === undefined || option.head !== 'local'
      ? []
      : [folder([option], { id: keys.get('mount_tag'), path, isReadonly: keys.has('readonly') })]
  })
  const devices = named(command, 'device').flatMap((option) => {
    const export_ = byId(command, ['fsdev'], option.keys.get('fsdev'))
    const path = export_?.keys.get('path')
    if (!/^virtio-9p(-pci)?$/.test(option.head ?? '') || !export_ || path === undefined) return []
    const isReadonly = export_.keys.has('readonly')
    return [folder([option, export_], { id: option.keys.get('mount_tag'), path, isReadonly })]
  })
  const served = named(command, 'device').flatMap((option) =>
    /^vhost-user-fs-pci/.test(option.head ?? '')
      ? [
          {
            uses: [option, ...chardevOf(command, option.keys.get('chardev'))],
            remarks: [
              lost(
                `-device ${option.value}`,
                'virtiofsd knows which folder it serves: { kind: "folder", path, transport: "virtiofs" }',
              ),
            ],
          },
        ]
      : [],
  )
  return [...short, ...devices, ...served]
}

function folder(
  uses: readonly QemuOption[],
  {
    id,
    path,
    isReadonly,
  }: { readonly id: string | undefined; readonly path: string; readonly isReadonly: boolean },
): Finding {
  return {
    uses,
    device: compact({
      kind: 'folder',
      id,
      path,
      access: isReadonly ? undefined : 'rw',
    }),
  }
}
