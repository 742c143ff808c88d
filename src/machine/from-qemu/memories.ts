/** Memory devices of a command: NVDIMMs, virtio-pmem, shared memory, CXL. */
import type { QemuOption } from '../qemu-args.ts'
import { backendKeys } from './backends.ts'
import { compact, fieldsOf, isOn, numberOf, sizeOf, sizeText } from './fields.ts'
import { byId, type Command, type Finding, named, type Reader } from './finding.ts'

export const readMemories: Reader = (command) =>
  named(command, 'device').flatMap((option) => {
    const read = READERS[option.head ?? '']
    const finding = read?.(command, option)
    return finding ? [finding] : []
  })

type ReadDevice = (command: Command, option: QemuOption) => Finding | undefined

const READERS: Readonly<Record<string, ReadDevice>> = {
  nvdimm: readNvdimm,
  'virtio-pmem-pci': readPmem,
  'ivshmem-plain': readIvshmem,
  'ivshmem-doorbell': readDoorbell,
  'cxl-type3': readCxl,
}

/** Where an object keeps its memory: keys that all of these devices have. */
function held(object: QemuOption | undefined) {
  const bytes = sizeOf(object?.keys.get('size'))
  if (!object || bytes === undefined) return undefined
  const path = object.keys.get('mem-path')
  const isFile = object.head === 'memory-backend-file'
  return { bytes, path, isFile, isShared: isOn(object.keys.get('share')), object }
}

function readNvdimm(command: Command, option: QemuOption): Finding | undefined {
  const fields = fieldsOf(option, ['id', 'memdev', 'node', 'label-size', 'unarmed', 'slot'])
  const memory = held(byId(command, ['object'], fields?.values.memdev))
  if (!fields || !memory) return undefined
  const { id, node, unarmed, 'label-size': labelSize } = fields.values
  const label = sizeOf(labelSize)
  const { keys } = memory.object
  const readonly = isOn(keys.get('readonly'))
  const align = sizeOf(keys.get('align'))
  return {
    uses: [option, memory.object],
    device: compact({
      kind: 'nvdimm',
      id,
      size: sizeText(memory.bytes - (label ?? 0)),
      ...(memory.isFile ? { file: memory.path } : { backing: 'ram' }),
      node: numberOf(node),
      label: label === undefined ? undefined : sizeText(label),
      share: memory.isFile && !memory.isShared ? false : undefined,
      pmem: isOn(keys.get('pmem')) || undefined,
      readonly: readonly || undefined,
      unarmed: isOn(unarmed) === (readonly && memory.isFile) ? undefined : isOn(unarmed),
      align: align === undefined ? undefined : sizeText(align),
    }),
    remarks: fields.remarks,
  }
}

function readPmem(command: Command, option: QemuOption): Finding | undefined {
  const fields = fieldsOf(option, ['id', 'memdev'])
  const memory = held(byId(command, ['object'], fields?.values.memdev))
  if (!fields || !memory) return undefined
  return {
    uses: [option, memory.object],
    device: compact({
      kind: 'virtio-pmem',
      id: fields.values.id,
      size: sizeText(memory.bytes),
      ...(memory.isFile ? { file: memory.path } : { backing: 'ram' }),
      share: memory.isFile && !memory.isShared ? false : undefined,
    }),
    remarks: fields.remarks,
  }
}

function readIvshmem(command: Command, option: QemuOption): Finding | undefined {
  const fields = fieldsOf(option, ['id', 'memdev', 'master'])
  const object = byId(command, ['object'], fields?.values.memdev)
  const memory = object && backendKeys(object)
  if (!fields || !object || !memory) return undefined
  const { path, hugePages, hostNodes, policy } = memory.keys
  return {
    uses: [option, object],
    device: compact({
      kind: 'ivshmem',
      id: fields.values.id,
      size: sizeText(memory.bytes),
      file: path?.includes('{fd:') ? undefined : path,
      hugePages,
      hostNodes,
      policy,
      master: isOn(fields.values.master) || undefined,
    }),
    remarks: [...fields.remarks, ...memory.remarks],
  }
}

/** The size of the memory is the server's. */
function readDoorbell(command: Command, option: QemuOption): Finding | undefined {
  const fields = fieldsOf(option, ['id', 'chardev', 'vectors', 'master'])
  const server = byId(command, ['chardev'], fields?.values.chardev)
  if (!fields || !server) return undefined
  return {
    uses: [option, server],
    device: compact({
      kind: 'ivshmem',
      id: fields.values.id,
      size: '4M',
      vectors: numberOf(fields.values.vectors) ?? 1,
      socket: server.keys.get('path'),
      master: isOn(fields.values.master) || undefined,
    }),
    remarks: [
      ...fields.remarks,
      {
        words: 'size of ivshmem-doorbell',
        because: 'the server decides it; 4M is its default',
        state: 'guess',
      },
    ],
  }
}

/** Memory on a root port of a bridge, whose window is a property of the machine type. */
function readCxl(command: Command, option: QemuOption): Finding | undefined {
  const known = ['id', 'memdev', 'persistent-memdev', 'volatile-memdev', 'lsa', 'sn', 'bus']
  const fields = fieldsOf(option, known)
  const values = fields?.values ?? {}
  const isVolatile = values['volatile-memdev'] !== undefined
  const memdev = values['volatile-memdev'] ?? values['persistent-memdev'] ?? values.memdev
  const [memory, labels] = [memdev, values.lsa].map((id) => held(byId(command, ['object'], id)))
  const devices = named(command, 'device')
  const port = devices.find((o) => o.head === 'cxl-rp' && o.keys.get('id') === values.bus)
  const bridge = devices.find((o) => o.head === 'pxb-cxl' && o.keys.get('id') === port?.keys.get('bus'))
  if (!fields || !memory || !port || !bridge) return undefined
  const bridgeId = bridge.keys.get('id') ?? ''
  const ports = devices.filter((o) => o.head === 'cxl-rp' && o.keys.get('bus') === bridgeId)
  const isFirst = ports[0] === port
  return {
    uses: [option, memory.object, ...(labels ? [labels.object] : []), bridge, ...ports],
    device: compact({
      kind: 'cxl',
      id: values.id,
      size: sizeText(memory.bytes),
      type: isVolatile ? 'volatile' : undefined,
      ...(memory.isFile ? { backing: 'file', file: memory.path } : { backing: 'ram' }),
      share: memory.isFile && !memory.isShared ? false : undefined,
      label: labels === undefined ? undefined : sizeText(labels.bytes),
      bridge: bridgeId.replace(/-bridge$/, ''),
      window: isFirst ? windowOf(command, bridgeId) : undefined,
    }),
    remarks: [],
  }
}

function windowOf(command: Command, bridge: string): string | undefined {
  const { keys } = command.machine.find(({ keys: k }) => [...k.values()].includes(bridge)) ?? {
    keys: new Map<string, string>(),
  }
  const [, number] =
    [...keys]
      .map(([key, value]) => (value === bridge ? /^cxl-fmw\.(\d+)\.targets/.exec(key) : null))
      .find(Boolean) ?? []
  const bytes = sizeOf(keys.get(`cxl-fmw.${number}.size`))
  return bytes === undefined ? undefined : sizeText(bytes)
}
