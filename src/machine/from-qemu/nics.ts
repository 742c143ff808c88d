/** Network cards of a command, and the para-virtual RDMA device, which comes with one. */
import type { QemuOption } from '../qemu-args.ts'
import { compact, fieldsOf, isOn, numberOf, pairsOf } from './fields.ts'
import { byId, type Command, type Finding, lost, named, type Reader, type Remark } from './finding.ts'

const MODELS: Readonly<Record<string, string>> = {
  'virtio-net-pci': 'virtio-net-pci',
  'virtio-net': 'virtio-net-pci',
  virtio: 'virtio-net-pci',
  e1000: 'e1000',
  'e1000-82540em': 'e1000',
  e1000e: 'e1000e',
  vmxnet3: 'vmxnet3',
  rtl8139: 'rtl8139',
}
/** QEMU's own card where none is named (pc_machine_class_init). */
const DEFAULT_MODEL = 'e1000'
const OFFLOADS = /^(csum|gso|(guest|host)_\w+)$/
const KEYS = ['id', 'netdev', 'mac', 'romfile', 'mq', 'vectors', 'disable_vnet_hdr', 'bootindex']

export const readNics: Reader = (command) => [
  ...readPvrdma(command),
  ...readCards(command),
  ...readNic(command),
  ...readNet(command),
]

/** A card at function 0 and the RDMA device at function 1 of one slot. */
function readPvrdma(command: Command): readonly Finding[] {
  return named(command, 'device')
    .filter((o) => o.head === 'pvrdma')
    .flatMap((option) => {
      const [, slot] = /^([0-9a-f]+)\.1$/i.exec(option.keys.get('addr') ?? '') ?? []
      const card = named(command, 'device').find(
        (o) => o.head === 'vmxnet3' && o.keys.get('addr')?.replace(/\.0$/, '') === slot,
      )
      if (slot === undefined || !card) return []
      const link = linkOf(command, card)
      const mads = byId(command, ['chardev'], option.keys.get('mad-chardev'))
      return [
        {
          uses: [card, option, ...(link?.uses ?? []), ...(mads ? [mads] : [])],
          device: compact({
            kind: 'pvrdma',
            id: option.keys.get('id'),
            device: option.keys.get('ibdev'),
            port: numberOf(option.keys.get('ibport')),
            mac: card.keys.get('mac'),
            network: link?.keys.network,
            slot: Number.parseInt(slot, 16),
            multiplexer: mads?.keys.get('path'),
          }),
          remarks: link?.remarks ?? [],
        },
      ]
    })
}

function readCards(command: Command): readonly Finding[] {
  const rdma = readPvrdma(command).flatMap(({ uses }) => uses)
  return named(command, 'device').flatMap((option) => {
    const model = MODELS[option.head ?? '']
    if (model === undefined || rdma.includes(option)) return []
    const offloads = pairsOf(option).filter(([key]) => OFFLOADS.test(key))
    const fields = fieldsOf(option, [...KEYS, ...offloads.map(([key]) => key)])
    if (!fields || offloads.some(([, value]) => isOn(value)) || fields.values.bootindex !== undefined)
      return []
    const link = linkOf(command, option)
    if (!link) return []
    const { id, mac, romfile, disable_vnet_hdr: noHeader } = fields.values
    const isPlain = offloads.length === 0 && noHeader !== '1'
    return [
      {
        uses: [option, ...link.uses],
        device: compact({
          kind: 'nic',
          id,
          model: model === 'virtio-net-pci' ? undefined : model,
          mac,
          ...link.keys,
          offloads: isPlain ? undefined : false,
          rom:
            romfile === undefined
              ? command.isBare
                ? true
                : undefined
              : romfile === ''
                ? undefined
                : romfile,
        }),
        remarks: [...fields.remarks, ...link.remarks],
      },
    ]
  })
}

interface Link {
  readonly uses: readonly QemuOption[]
  readonly keys: Readonly<Record<string, unknown>>
  readonly remarks: readonly Remark[]
}

/** Where the cable of a card leads; undefined where only QEMU can say. */
function linkOf(command: Command, card: QemuOption): Link | undefined {
  const id = card.keys.get('netdev')
  if (id === undefined) return { uses: [], keys: { network: 'none' }, remarks: [] }
  const netdev = byId(command, ['netdev'], id)
  if (!netdev) return undefined
  if (netdev.head === 'user') return userLink(netdev)
  const isInherited = [...netdev.keys.values()].some((value) => value.includes('{fd:'))
  if (!isInherited) return undefined
  return {
    uses: [netdev],
    keys: { network: 'none' },
    remarks: [
      lost(
        `-netdev ${netdev.value}`,
        'the network is one of a rack: describe the rack, and name it in `network`',
      ),
    ],
  }
}

const USER_KEYS = [
  '',
  'type',
  'id',
  'net',
  'hostname',
  'hostfwd',
  'model',
  'mac',
  'macaddr',
  'netdev',
  'name',
]

function userLink(option: QemuOption): Link {
  const pairs = pairsOf(option)
  const forwards = pairs.filter(([key]) => /^hostfwd(\.\d+\.str)?$/.test(key)).map(([, text]) => text)
  const read = forwards.map(forwardOf)
  const others = pairs.filter(([key]) => !USER_KEYS.includes(key) && !key.startsWith('hostfwd'))
  const known = read.flatMap((forward) => (forward === undefined ? [] : [forward.text]))
  return {
    uses: [option],
    keys: known.length > 0 ? { forwards: known } : {},
    remarks: [
      ...forwards.flatMap((text, i) => {
        const forward = read[i]
        if (forward === undefined) return [lost(`hostfwd=${text}`, 'not a forward that bringup can read')]
        return forward.isOpen
          ? [lost(`address of hostfwd=${text}`, 'bringup forwards ports of 127.0.0.1 only')]
          : []
      }),
      ...others.map(([key, value]) =>
        lost(`${key}=${value} of -${option.name} user`, 'the user network of bringup has no such key'),
      ),
    ],
  }
}

/** `tcp:ADDRESS:8080-ADDRESS:22`; port 0 is a free one. */
function forwardOf(text: string): { readonly text: string; readonly isOpen: boolean } | undefined {
  const [, protocol, address, host, guest] = /^(tcp|udp)?:([^:]*):(\d+)-[^:]*:(\d+)$/.exec(text) ?? []
  if (guest === undefined) return undefined
  const from = host === '0' ? '' : host
  return {
    text: `${protocol ?? 'tcp'}:${from}-:${guest}`,
    isOpen: address !== '127.0.0.1' && address !== 'localhost',
  }
}

/** `-nic user,model=…`, which is a card and its network. */
function readNic(command: Command): readonly Finding[] {
  return named(command, 'nic').flatMap((option) => {
    const kind = option.keys.get('type') ?? option.keys.get('')
    if (kind === 'none') return [{ uses: [option] }]
    if (kind !== undefined && kind !== 'user') return []
    return cardWith(option, option)
  })
}

/** `-net nic -net user`, the old form: every card is on the one network. */
function readNet(command: Command): readonly Finding[] {
  const all = named(command, 'net')
  if (all.some((o) => !['nic', 'user', 'none'].includes(o.head ?? ''))) return []
  const user = all.find((o) => o.head === 'user')
  const cards = all.filter((o) => o.head === 'nic')
  const others = all.filter((o) => !cards.includes(o))
  const read = cards.map((card) => {
    const [finding] = cardWith(card, user)
    return finding && user === undefined
      ? { ...finding, device: { ...finding.device, network: 'none' } }
      : finding
  })
  if (read.some((finding) => finding === undefined)) return []
  return [...read.flatMap((finding) => finding ?? []), { uses: others }]
}

function cardWith(option: QemuOption, network: QemuOption | undefined): readonly Finding[] {
  const name = option.keys.get('model') ?? DEFAULT_MODEL
  const model = MODELS[name]
  if (model === undefined) return []
  const link = network === undefined ? { uses: [], keys: {}, remarks: [] } : userLink(network)
  return [
    {
      uses: [option],
      device: compact({
        kind: 'nic',
        model: model === 'virtio-net-pci' ? undefined : model,
        mac: option.keys.get('mac') ?? option.keys.get('macaddr'),
        ...link.keys,
      }),
      remarks: link.remarks,
    },
  ]
}
