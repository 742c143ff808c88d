/**
 * Reads the XML of a libvirt domain as the QEMU command that libvirt would make of it, as far as the guest can see it. The
 * command is then read as any other. Pure.
 */
import { XMLParser } from 'fast-xml-parser'
import type { Remark } from '../../machine/from-qemu/from-qemu.ts'

export interface LibvirtDomain {
  readonly name: string | undefined
  readonly target: string
  readonly words: readonly string[]
  readonly remarks: readonly Remark[]
}

/** An element: attributes begin with `@`, text is `#text`, children are lists. */
interface Element {
  readonly [key: string]: string | readonly Element[] | undefined
}

/** Source: https://libvirt.org/formatdomain.html. */
export function readLibvirt(xml: string): LibvirtDomain | undefined {
  const domain = domainIn(xml)
  if (domain === undefined) return undefined
  const os = child(domain, 'os')
  const remarks: Remark[] = []
  const lose = (words: string, because = 'a description cannot express it') =>
    remarks.push({ words, because, state: 'lost' })
  const type = child(os, 'type')
  const features = child(domain, 'features')
  const words = [
    '-nodefaults',
    ...pair('-name', text(child(domain, 'name'))?.replaceAll(',', ',,')),
    ...pair('-machine', attribute(type, 'machine')?.replaceAll(',', ',,')),
    ...(attribute(domain, 'type') === 'qemu' ? ['-accel', 'tcg'] : []),
    ...pair('-m', memoryOf(domain)),
    ...cpuWords(domain),
    ...bootWords(os),
    ...deviceWords(domain, lose),
    ...children(child(domain, 'qemu:commandline'), 'qemu:arg').flatMap(
      (arg) => attribute(arg, 'value') ?? [],
    ),
  ]
  for (const name of Object.keys(domain))
    if (!KNOWN.includes(name) && !name.startsWith('@')) lose(`<${name}>`)
  for (const name of Object.keys(features ?? {}))
    if (!['acpi', 'apic', 'pae', 'vmport', '#text'].includes(name)) lose(`<features><${name}>`)
  const arch = attribute(type, 'arch') ?? 'x86_64'
  return { name: text(child(domain, 'name')), target: arch === 'i686' ? 'i386' : arch, words, remarks }
}

/** Elements that are read, and those that say what happens on this computer. */
const KNOWN = [
  ...[
    'name',
    'os',
    'memory',
    'currentMemory',
    'maxMemory',
    'vcpu',
    'cpu',
    'devices',
    'features',
    'qemu:commandline',
  ],
  ...[
    'uuid',
    'title',
    'description',
    'metadata',
    'clock',
    'pm',
    'on_poweroff',
    'on_reboot',
    'on_crash',
    'resource',
  ],
  ...['seclabel', '#text', 'iothreads'],
]

/** Entities of a document type could grow without end, so there are none. */
function domainIn(xml: string): Element | undefined {
  if (/<!(DOCTYPE|ENTITY)/i.test(xml)) return undefined
  try {
    const parser = new XMLParser({
      ignoreAttributes: false,
      attributeNamePrefix: '@',
      parseTagValue: false,
      parseAttributeValue: false,
      alwaysCreateTextNode: true,
      isArray: (_name, _path, _isLeaf, isAttribute) => !isAttribute,
    })
    const document = parser.parse(xml, true) as Element
    return children(document, 'domain')[0] ?? children(child(document, 'domstatus'), 'domain')[0]
  } catch {
    return undefined
  }
}

const children = (element: Element | undefined, name: string): readonly Element[] => {
  const found = element?.[name]
  return Array.isArray(found) ? (found as readonly Element[]) : []
}
const child = (element: Element | undefined, name: string): Element | undefined => children(element, name)[0]
const attribute = (element: Element | undefined, name: string): string | undefined => {
  const value = element?.[`@${name}`]
  return typeof value === 'string' ? value : undefined
}
const text = (element: Element | undefined): string | undefined => {
  const value = element?.['#text']
  return typeof value === 'string' && value.trim() !== '' ? value.trim() : undefined
}

const pair = (flag: string, value: string | undefined): readonly string[] =>
  value === undefined ? [] : [flag, value]

/** `a=b,c=d` with commas doubled; undefined values are omitted. */
const keys = (head: string, values: Readonly<Record<string, string | undefined>>): string =>
  [
    ...(head === '' ? [] : [head]),
    ...Object.entries(values).flatMap(([key, value]) =>
      value === undefined ? [] : [`${key}=${value.replaceAll(',', ',,')}`],
    ),
  ].join(',')

/** Units of libvirt in KiB; KiB is the default. */
const UNITS: Readonly<Record<string, number>> = {
  b: 1 / 1024,
  bytes: 1 / 1024,
  kb: 1000 / 1024,
  k: 1,
  kib: 1,
  mb: 1e6 / 1024,
  m: 1024,
  mib: 1024,
  gb: 1e9 / 1024,
  g: 1024 ** 2,
  gib: 1024 ** 2,
  t: 1024 ** 3,
  tib: 1024 ** 3,
}

function sizeIn(element: Element | undefined): string | undefined {
  const number = Number(text(element) ?? Number.NaN)
  const unit = UNITS[(attribute(element, 'unit') ?? 'KiB').toLowerCase()]
  return Number.isFinite(number) && number > 0 && unit !== undefined
    ? `${Math.round(number * unit)}K`
    : undefined
}

const memoryOf = (domain: Element) =>
  sizeIn(child(domain, 'currentMemory')) ?? sizeIn(child(domain, 'memory'))

function cpuWords(domain: Element): readonly string[] {
  const [cpu, vcpu] = [child(domain, 'cpu'), child(domain, 'vcpu')]
  const mode = attribute(cpu, 'mode')
  const model =
    text(child(cpu, 'model')) ??
    (mode === 'host-passthrough' || mode === 'host-model' || mode === 'maximum' ? 'max' : undefined)
  const switches = children(cpu, 'feature').flatMap((feature) => {
    const policy = attribute(feature, 'policy')
    const name = attribute(feature, 'name')
    if (name === undefined || policy === 'optional') return []
    return [`${policy === 'disable' || policy === 'forbid' ? '-' : '+'}${name}`]
  })
  const topology = child(cpu, 'topology')
  const all = text(vcpu)
  const now = attribute(vcpu, 'current') ?? all
  const place = (name: string) => attribute(topology, name)
  const smp = keys('', {
    cpus: now,
    sockets: place('sockets'),
    dies: place('dies'),
    cores: place('cores'),
    threads: place('threads'),
    maxcpus: all === now ? undefined : all,
  })
  const cells = children(child(cpu, 'numa'), 'cell').flatMap((cell, n) => {
    const id = attribute(cell, 'id') ?? `${n}`
    const size = sizeIn({ '#text': attribute(cell, 'memory'), '@unit': attribute(cell, 'unit') ?? 'KiB' })
    const cpus = (attribute(cell, 'cpus') ?? '')
      .split(',')
      .filter(Boolean)
      .map((part) => `,cpus=${part}`)
      .join('')
    const distances = children(child(cell, 'distances'), 'sibling').flatMap((sibling) => [
      '-numa',
      `dist,src=${id},dst=${attribute(sibling, 'id')},val=${attribute(sibling, 'value')}`,
    ])
    return ['-numa', `node,nodeid=${id}${cpus}${size === undefined ? '' : `,mem=${size}`}`, ...distances]
  })
  return [
    ...(model === undefined ? [] : ['-cpu', [model, ...switches].join(',')]),
    ...(smp === '' ? [] : ['-smp', smp]),
    ...cells,
  ]
}

function bootWords(os: Element | undefined): readonly string[] {
  const loader = child(os, 'loader')
  const path = text(loader)
  const isFlash = attribute(loader, 'type') === 'pflash'
  const variables = text(child(os, 'nvram'))
  const firmware = attribute(os, 'firmware')
  const letters = children(os, 'boot').map(
    (boot) => ({ hd: 'c', cdrom: 'd', fd: 'a', network: 'n' })[attribute(boot, 'dev') ?? ''] ?? '',
  )
  return [
    ...pair('-kernel', text(child(os, 'kernel'))),
    ...pair('-initrd', text(child(os, 'initrd'))),
    ...pair('-append', text(child(os, 'cmdline'))),
    ...(isFlash && path !== undefined
      ? [
          '-drive',
          keys('', { if: 'pflash', unit: '0', format: 'raw', readonly: 'on', file: path }),
          ...(variables === undefined
            ? []
            : ['-drive', keys('', { if: 'pflash', unit: '1', format: 'raw', file: variables })]),
        ]
      : firmware === 'efi'
        ? ['-bios', 'OVMF.fd']
        : pair('-bios', path)),
    ...(letters.length > 0 ? ['-boot', `order=${letters.join('')}`] : []),
  ]
}

type Lose = (words: string, because?: string) => void

/** Each kind of device; those of this computer's side are not in the description. */
function deviceWords(domain: Element, lose: Lose): readonly string[] {
  const devices = child(domain, 'devices')
  return Object.entries(devices ?? {}).flatMap(([name, list]) => {
    if (!Array.isArray(list)) return []
    return (list as readonly Element[]).flatMap((element, n) => {
      const read = DEVICES[name]
      const made = read?.(element, n)
      if (made === undefined && !QUIET.includes(name)) lose(outline(name, element))
      if (name === 'interface' && attribute(element, 'type') !== 'user')
        lose(
          outline(name, element),
          'the card is on the user network, which takes no root; racks have networks of their own',
        )
      return made ?? []
    })
  })
}

const QUIET = [
  ...['emulator', 'controller', 'console', 'input', 'graphics', 'audio', '#text', 'channel', 'memballoon'],
  ...['hub', 'lease'],
]

/** The element and its attributes, for people. */
function outline(name: string, element: Element): string {
  const attributes = Object.entries(element).flatMap(([key, value]) =>
    key.startsWith('@') && typeof value === 'string' ? [`${key.slice(1)}="${value.slice(0, 60)}"`] : [],
  )
  return `<${[name, ...attributes].join(' ')}>`
}

type ReadDevice = (element: Element, n: number) => readonly string[] | undefined

const DEVICES: Readonly<Record<string, ReadDevice>> = {
  disk: diskWords,
  interface: interfaceWords,
  serial: (_element, n) => (n < 4 ? ['-serial', 'null'] : undefined),
  video: videoWords,
  watchdog: (element) =>
    attribute(element, 'model') === 'i6300esb'
      ? ['-device', 'i6300esb', ...pair('-action', prefixed('watchdog=', attribute(element, 'action')))]
      : undefined,
  vsock: (element) => {
    const cid = attribute(child(element, 'cid'), 'address')
    return ['-device', keys('vhost-vsock-pci', { 'guest-cid': cid })]
  },
  rng: () => ['-device', 'virtio-rng-pci'],
  filesystem: (element, n) => {
    const [path, tag] = [
      attribute(child(element, 'source'), 'dir'),
      attribute(child(element, 'target'), 'dir'),
    ]
    if (path === undefined || attribute(child(element, 'driver'), 'type') === 'virtiofs') return undefined
    const readonly = child(element, 'readonly') === undefined ? undefined : 'on'
    return [
      '-virtfs',
      keys('local', { path, mount_tag: tag ?? `folder${n}`, security_model: 'none', readonly }),
    ]
  },
  shmem: (element, n) => {
    const size = sizeIn(child(element, 'size')) ?? '4096K'
    if (attribute(child(element, 'model'), 'type') === 'ivshmem-doorbell') return undefined
    const path = `/dev/shm/${attribute(element, 'name') ?? `shmem${n}`}`
    return [
      '-object',
      keys('memory-backend-file', { id: `shmem${n}`, size, 'mem-path': path, share: 'on' }),
      '-device',
      keys('ivshmem-plain', { memdev: `shmem${n}` }),
    ]
  },
  memory: nvdimmWords,
}

const prefixed = (prefix: string, value: string | undefined) =>
  value === undefined ? undefined : `${prefix}${value}`

function diskWords(element: Element, n: number): readonly string[] | undefined {
  const source = child(element, 'source')
  const [kind, target] = [attribute(element, 'device') ?? 'disk', child(element, 'target')]
  const file = attribute(source, 'file') ?? attribute(source, 'dev')
  const name = attribute(target, 'dev') ?? ''
  const bus =
    attribute(target, 'bus') ??
    (name.startsWith('vd')
      ? 'virtio'
      : name.startsWith('fd')
        ? 'fdc'
        : name.startsWith('sd')
          ? 'scsi'
          : 'ide')
  if (file === undefined) return kind === 'cdrom' || kind === 'floppy' ? [] : undefined
  const format = attribute(child(element, 'driver'), 'type')
  const readonly = child(element, 'readonly') !== undefined && kind !== 'cdrom' ? 'on' : undefined
  const id = `drive${n}`
  if (kind === 'floppy' || bus === 'fdc')
    return ['-drive', keys('', { if: 'floppy', format: 'raw', file, index: `${n % 2}` })]
  const drivers = DRIVERS[bus]
  if (drivers === undefined || (format !== undefined && format !== 'raw' && format !== 'qcow2'))
    return undefined
  const order = attribute(child(element, 'boot'), 'order')
  const isCdrom = kind === 'cdrom'
  const controller =
    bus === 'scsi'
      ? ['-device', `virtio-scsi-pci,id=scsi-of-${id}`]
      : bus === 'usb'
        ? ['-device', `qemu-xhci,id=usb-of-${id}`]
        : []
  return [
    '-drive',
    keys('', {
      if: 'none',
      id,
      format: format ?? 'raw',
      file,
      media: isCdrom ? 'cdrom' : undefined,
      readonly,
    }),
    ...controller,
    '-device',
    keys(isCdrom ? drivers.cdrom : drivers.disk, {
      drive: id,
      bus: controller.length === 0 ? undefined : `${bus}-of-${id}.0`,
      serial: text(child(element, 'serial')),
      bootindex: order === undefined ? undefined : `${Number(order) - 1}`,
    }),
  ]
}

const DRIVERS: Readonly<Record<string, { readonly disk: string; readonly cdrom: string }>> = {
  virtio: { disk: 'virtio-blk-pci', cdrom: 'virtio-blk-pci' },
  ide: { disk: 'ide-hd', cdrom: 'ide-cd' },
  sata: { disk: 'ide-hd', cdrom: 'ide-cd' },
  scsi: { disk: 'scsi-hd', cdrom: 'scsi-cd' },
  usb: { disk: 'usb-storage', cdrom: 'usb-storage' },
  nvme: { disk: 'nvme', cdrom: 'ide-cd' },
}

/** A network of libvirt, a bridge or a tap is the user network here: it takes no root. */
function interfaceWords(element: Element): readonly string[] {
  const model = attribute(child(element, 'model'), 'type') ?? 'rtl8139'
  return ['-nic', keys('user', { model, mac: attribute(child(element, 'mac'), 'address') })]
}

const VIDEO: Readonly<Record<string, string>> = {
  vga: 'std',
  cirrus: 'cirrus',
  virtio: 'virtio',
  none: 'none',
  bochs: 'bochs',
}

function videoWords(element: Element): readonly string[] | undefined {
  const card = VIDEO[attribute(child(element, 'model'), 'type') ?? '']
  if (card === undefined) return ['-vga', attribute(child(element, 'model'), 'type') ?? 'std']
  return card === 'bochs' ? ['-device', 'bochs-display'] : ['-vga', card]
}

function nvdimmWords(element: Element, n: number): readonly string[] | undefined {
  if (attribute(element, 'model') !== 'nvdimm') return undefined
  const [target, path] = [child(element, 'target'), text(child(child(element, 'source'), 'path'))]
  const size = sizeIn(child(target, 'size'))
  if (path === undefined || size === undefined) return undefined
  return [
    '-object',
    keys('memory-backend-file', { id: `nvdimm${n}-memory`, size, 'mem-path': path, share: 'on' }),
    '-device',
    keys('nvdimm', {
      memdev: `nvdimm${n}-memory`,
      node: text(child(target, 'node')),
      'label-size': sizeIn(child(child(target, 'label'), 'size')),
    }),
  ]
}
