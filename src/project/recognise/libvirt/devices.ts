/** Devices of a libvirt domain as words of a QEMU command. Pure. */
import { diskWords } from './disks.ts'
import { attribute, child, type Element, sizeIn, text } from './elements.ts'
import { keys, pair } from './words.ts'

export type Lose = (words: string, because?: string) => void

/** Each kind of device; those of this computer's side are not in the description. */
export function deviceWords(domain: Element, lose: Lose): readonly string[] {
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
