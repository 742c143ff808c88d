/** Rules of para-virtual RDMA. */
import type { Diagnostic } from '../../diagnostics.ts'
import { nearest } from '../../nearest.ts'
import type { RuleContext } from '../device.ts'
import type { RdmaDeviceFact, RdmaPortFact } from '../facts.ts'
import { readQemuArgs } from '../qemu-args.ts'
import { backendOf } from './memory-options.ts'
import { macOf } from './nic-cards.ts'
import { checkNic } from './nic-rules.ts'
import { problems } from './pvrdma-problems.ts'
import { cardOfPvrdma, hostDeviceOf, hostPortOf, type PvrdmaConfig } from './pvrdma-schema.ts'

export function checkPvrdma(config: PvrdmaConfig, context: RuleContext): readonly Diagnostic[] {
  return [
    ...checkNic(cardOfPvrdma(config), context),
    ...checkRam(context),
    ...checkTwin(context),
    ...checkDevice(config, context),
    ...checkMultiplexer(config, context),
  ]
}

function checkRam({ machine, path }: RuleContext): readonly Diagnostic[] {
  const { memory } = machine
  const backend = backendOf(memory)
  const served = machine.devices.find(
    ({ kind, config }) => kind === 'folder' && (config as { transport?: string }).transport === 'virtiofs',
  )
  if (backend !== 'ram')
    return [
      served && memory.backend === 'memfd'
        ? problems.PVRDMA_RAM_UNFIT.at(
            path,
            `${served.path} has the transport virtiofs, which needs RAM in a memory file`,
            {
              remedy: `omit \`transport\` of ${served.path}: 9p needs no shared memory`,
            },
          )
        : problems.PVRDMA_RAM_UNFIT.at(
            path,
            `the RAM is ${{ file: 'a file', memfd: 'a memory file' }[backend]}`,
          ),
    ]
  const beside = [...privateDevices(machine), ...privateObjects(machine.qemuArgs)]
  return beside.map((name) =>
    problems.PVRDMA_RAM_BESIDE.at(path, `${name} has private memory of the kind memory-backend-ram`),
  )
}

/** Devices whose content is RAM of QEMU's own. */
function privateDevices({ devices }: RuleContext['machine']): readonly string[] {
  return devices.flatMap(({ kind, id, config }) => {
    const { backing, file } = config as { backing?: string; file?: string }
    const isRam = backing === 'ram' || (kind === 'virtio-pmem' && backing === undefined && file === undefined)
    return ['nvdimm', 'cxl', 'virtio-pmem'].includes(kind) && isRam ? [`${kind} "${id}"`] : []
  })
}

function privateObjects(qemuArgs: readonly string[]): readonly string[] {
  return readQemuArgs(qemuArgs).flatMap(({ name, head, keys }) =>
    name === 'object' &&
    head === 'memory-backend-ram' &&
    !['on', 'true', 'yes'].includes(keys.get('share') ?? '')
      ? [`-object memory-backend-ram "${keys.get('id') ?? ''}"`]
      : [],
  )
}

function checkTwin({ machine, path }: RuleContext): readonly Diagnostic[] {
  const first = machine.devices.find(({ kind }) => kind === 'pvrdma')
  return first && first.path !== path ? [problems.PVRDMA_TWICE.at(path, `${first.path} is a pvrdma too`)] : []
}

function checkDevice(config: PvrdmaConfig, { facts, path, machine }: RuleContext): readonly Diagnostic[] {
  const { rdma } = facts
  if (!rdma) return []
  const names = rdma.devices.map(({ name }) => name)
  const device = hostDeviceOf(config, rdma)
  if (names.length === 0) return [problems.PVRDMA_NO_DEVICE.at(`${path}.device`, 'no RDMA device was found')]
  if (!device) {
    const { device: wanted } = config
    if (wanted === undefined)
      return [
        problems.PVRDMA_DEVICE_OPEN.at(`${path}.device`, `device is not set; there are ${names.join(', ')}`),
      ]
    const near = nearest(wanted, names)
    const hint = near === undefined ? `there is ${names.join(', ')}` : `did you mean "${near}"?`
    return [problems.PVRDMA_DEVICE_UNKNOWN.at(`${path}.device`, `no RDMA device "${wanted}"; ${hint}`)]
  }
  const port = hostPortOf(config, rdma)
  return [
    ...checkFiles(device, port, rdma.refused, path),
    ...(port
      ? checkPort(config, device, port, { machine, path })
      : [
          problems.PVRDMA_PORT_UNKNOWN.at(
            `${path}.port`,
            `${device.name} has no port ${config.port}; its ports are ${device.ports.map((p) => p.number).join(', ')}`,
          ),
        ]),
  ]
}

/** The files in /dev/infiniband: there, and open to this user. */
function checkFiles(
  device: RdmaDeviceFact,
  port: RdmaPortFact | undefined,
  refused: readonly string[],
  path: string,
): readonly Diagnostic[] {
  const closed = [device.uverbs, port?.umad].filter((file) => file !== undefined && refused.includes(file))
  return [
    ...(device.uverbs === undefined
      ? [problems.PVRDMA_NO_UVERBS.at(path, `${device.name} has no file /dev/infiniband/uverbsN`)]
      : []),
    ...(port && port.umad === undefined
      ? [
          problems.PVRDMA_NO_UMAD.at(
            path,
            `port ${port.number} of ${device.name} has no file /dev/infiniband/umadN`,
          ),
        ]
      : []),
    ...closed.map((file) =>
      problems.PVRDMA_NO_ACCESS.at(path, `${file} cannot be opened for reading and writing`),
    ),
  ]
}

function checkPort(
  config: PvrdmaConfig,
  { name }: RdmaDeviceFact,
  { number, netdev, mac, state, linkLayer }: RdmaPortFact,
  { machine, path }: Pick<RuleContext, 'machine' | 'path'>,
): readonly Diagnostic[] {
  if (netdev === undefined)
    return [problems.PVRDMA_NOT_ETHERNET.at(`${path}.port`, `port ${number} of ${name} is ${linkLayer}`)]
  const own = macOf(cardOfPvrdma(config), machine)
  return [
    ...(mac?.toLowerCase() === own
      ? [problems.PVRDMA_MAC_OF_HOST.at(`${path}.mac`, `${own} is the address of ${netdev}`)]
      : []),
    ...(state === 'ACTIVE'
      ? []
      : [problems.PVRDMA_PORT_DOWN.at(`${path}.port`, `port ${number} of ${name} is ${state}`)]),
  ]
}

function checkMultiplexer(
  { multiplexer, ...config }: PvrdmaConfig,
  { facts, path }: RuleContext,
): readonly Diagnostic[] {
  const at = `${path}.multiplexer`
  if (multiplexer !== undefined) {
    const kind = facts.files.get(multiplexer)?.kind
    if (kind === undefined || kind === 'other') return []
    const what = kind === 'missing' ? `${multiplexer} does not exist` : `${multiplexer} is not a socket`
    return [problems.PVRDMA_MULTIPLEXER_UNUSABLE.at(at, what)]
  }
  const { rdma } = facts
  if (!rdma) return []
  // What is missing besides is said where the device is.
  const managers = hostDeviceOf(config, rdma) ? rdma.managers : []
  return [
    ...(rdma.multiplexer === undefined
      ? [
          problems.PVRDMA_MULTIPLEXER_MISSING.at(
            path,
            'rdmacm-mux was found neither in PATH nor with a QEMU of bringup',
          ),
        ]
      : []),
    ...(managers.length > 0
      ? [
          problems.PVRDMA_MANAGER_LOADED.at(
            path,
            `${managers.join(' and ')} ${managers.length === 1 ? 'is' : 'are'} loaded`,
          ),
        ]
      : []),
  ]
}
