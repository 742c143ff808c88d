/** Machine type, accelerator, CPUs and RAM of a command. */
import type { QemuOption } from '../qemu-args.ts'
import { backendKeys } from './backends.ts'
import { compact, isOn, numberOf, pairsOf, ramSizeOf, sizeText } from './fields.ts'
import {
  byId,
  type Command,
  type Finding,
  type Keys,
  lost,
  named,
  needless,
  type Reader,
  type Remark,
} from './finding.ts'
import { readNuma } from './numa.ts'

/** QEMU's own without `-m` (hw/i386/pc.c: default_ram_size). */
const DEFAULT_RAM = '128M'

/** Keys of `-machine` that follow from other parts of a description. */
const DERIVED = /^(hmat|cxl|cxl-fmw\..*|memory-backend|pflash[01]|accel|type|nvdimm|nvdimm-persistence|)$/

/** Keys of `-machine` that change QEMU's work on this computer and not the guest. */
const HOST_SIDE = ['dump-guest-core', 'mem-merge', 'kernel_irqchip', 'kernel-irqchip', 'graphics']

export const readBoard: Reader = (command) => {
  const options = named(command, 'machine', 'M')
  const pairs = options.flatMap(pairsOf)
  const value = (key: string) => pairs.findLast(([name]) => name === key)?.[1]
  const name = value('type') ?? value('') ?? 'pc'
  const [, family, version] = /^(?:pc-)?(q35|pc|i440fx)(?:-(.+))?$/.exec(name) ?? []
  const type = family === 'q35' ? 'q35' : 'pc'
  const persistence = value('nvdimm-persistence')
  const remarks: Remark[] = [
    ...(family === undefined && name !== 'pc'
      ? [lost(`machine type ${name}`, 'bringup has q35 and pc; the description says pc')]
      : []),
    ...(version === undefined
      ? []
      : [lost(`version ${version} of the machine type`, 'bringup uses the newest one of this QEMU')]),
    ...pairs.flatMap(([key, text]) =>
      DERIVED.test(key) || key === 'usb' || (key === 'hpet' && text === 'off')
        ? []
        : HOST_SIDE.includes(key)
          ? [
              {
                words: `-machine ${key}=${text}`,
                because: 'it does not change the guest',
                state: 'needless' as const,
              },
            ]
          : [lost(`-machine ${key}=${text}`, 'bringup sets the options of the machine type itself')],
    ),
  ]
  return [
    {
      uses: options,
      machine: compact({
        type,
        nvdimmPersistence: persistence,
        ...(isOn(value('usb')) ? { qemuArgs: ['-usb'] } : {}),
      }),
      remarks,
    },
    ...readAccelerator(command, value('accel')),
    readCpu(command),
    ...readMemory(command, { backend: value('memory-backend'), hasNvdimms: isOn(value('nvdimm')) }),
  ]
}

function readAccelerator(command: Command, ofMachine: string | undefined): readonly Finding[] {
  const options = named(command, 'accel', 'enable-kvm')
  const names = [
    ...options.map((o) => (o.name === 'enable-kvm' ? 'kvm' : (o.head ?? ''))),
    ...(ofMachine?.split(':') ?? []),
  ]
  const isEmulated = names.length > 0 && names.every((name) => name === 'tcg')
  return [
    {
      uses: options,
      ...(isEmulated ? { machine: { accel: 'tcg' } } : {}),
      remarks: isEmulated
        ? []
        : options.map((o) => needless(o, 'KVM is used where it works; `--accel` decides otherwise')),
    },
  ]
}

function readCpu(command: Command): Finding {
  const [models, counts] = [named(command, 'cpu'), named(command, 'smp')]
  const [named_, ...features] = models.at(-1)?.value?.split(',') ?? []
  const isHost = named_ === 'host'
  const model = isHost ? 'max' : (named_ ?? (command.is32Bit ? 'qemu32' : 'qemu64'))
  const smp = counts.at(-1)
  const key = (name: string) => numberOf(smp?.keys.get(name))
  const count = numberOf(smp?.keys.get('')) ?? key('cpus')
  const [sockets, dies, cores, threads, max] = ['sockets', 'dies', 'cores', 'threads', 'maxcpus'].map(key)
  const all = max ?? count ?? 1
  const isFlat = (sockets ?? 1) === 1 && (dies ?? 1) === 1 && (threads ?? 1) === 1
  const hasNodes = named(command, 'numa').length > 0
  const topology = isFlat && !hasNodes && (cores ?? all) === all ? {} : { sockets, dies, cores, threads }
  const written = features.map((text) => (/^[+-]|=/.test(text) ? text : `${text}=on`))
  const cpu = compact({
    model: model === 'max' ? undefined : model,
    features: written.length > 0 ? written : undefined,
    count: count ?? (Object.values(topology).some((n) => n !== undefined) ? undefined : 1),
    ...topology,
    max: max === count ? undefined : max,
  })
  const [only] = Object.keys(cpu)
  return {
    uses: [...models, ...counts],
    machine: { cpu: Object.keys(cpu).length === 1 && only === 'count' ? cpu.count : cpu },
    remarks: isHost
      ? models.map((o) => needless(o, 'the model "max" is this computer’s CPU with KVM, and works without'))
      : [],
  }
}

function readMemory(
  command: Command,
  { backend, hasNvdimms }: { readonly backend: string | undefined; readonly hasNvdimms: boolean },
): readonly Finding[] {
  const sizes = named(command, 'm')
  const option = sizes.at(-1)
  const written = option?.keys.get('') ?? option?.keys.get('size')
  const bytes = ramSizeOf(written)
  const object = byId(command, ['object'], backend)
  const paths = named(command, 'mem-path', 'mem-prealloc')
  const nodes = readNuma(command)
  const held = object && nodes === undefined ? backendKeys(object) : undefined
  const place = paths.find((o) => o.name === 'mem-path')?.value
  const memory = compact({
    size: nodes?.saysMemory ? undefined : bytes === undefined ? DEFAULT_RAM : sizeText(bytes),
    ...held?.keys,
    ...(nodes?.memory ?? {}),
    path: place ?? held?.keys.path ?? nodes?.memory.path,
    prealloc: paths.some((o) => o.name === 'mem-prealloc') || held?.keys.prealloc || nodes?.memory.prealloc,
    ...roomKeys(option, { bytes: bytes ?? 0, hasNvdimms, command }),
  })
  const unread =
    written !== undefined && bytes === undefined
      ? [
          {
            words: `-m ${written}`,
            because: `not a size that can be read; ${DEFAULT_RAM} is taken`,
            state: 'guess' as const,
          },
        ]
      : []
  return [
    {
      uses: [...sizes, ...paths, ...(object ? [object] : []), ...(nodes?.uses ?? [])],
      machine: {
        memory: Object.keys(memory).length === 1 && memory.size !== undefined ? memory.size : memory,
        ...(nodes === undefined ? {} : { numa: nodes.numa }),
      },
      remarks: [...unread, ...(held?.remarks ?? []), ...(nodes?.remarks ?? [])],
    },
  ]
}

/** DIMM slots and the maximum. Where NVDIMMs are switched on and none is there, it is room for some that come later. */
function roomKeys(
  option: QemuOption | undefined,
  {
    bytes,
    hasNvdimms,
    command,
  }: { readonly bytes: number; readonly hasNvdimms: boolean; readonly command: Command },
): Keys {
  const max = ramSizeOf(option?.keys.get('maxmem'))
  if (max === undefined) return {}
  const slots = numberOf(option?.keys.get('slots')) ?? 0
  const isEmpty = hasNvdimms && !named(command, 'device').some((o) => o.head === 'nvdimm')
  return {
    slots,
    max: sizeText(max),
    ...(isEmpty ? { hotplug: { size: sizeText(Math.max(0, max - bytes)), slots: Math.max(1, slots) } } : {}),
  }
}
