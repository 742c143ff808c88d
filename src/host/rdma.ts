/**
 * RDMA devices of this computer, as the kernel shows them in sysfs. Reads only.
 * Source: Documentation/ABI/stable/sysfs-class-infiniband.
 */
import { existsSync, readlinkSync } from 'node:fs'
import { release } from 'node:os'
import { basename, join } from 'node:path'
import type { RdmaDeviceFact, RdmaFacts, RdmaPortFact } from '../machine/facts.ts'
import { mayOpen } from './device-access.ts'
import { listFolder, readText } from './read-file.ts'

/** Program that hands the messages of connections on to guests; it belongs to QEMU's sources. */
export const MULTIPLEXER = 'rdmacm-mux'

/** Modules that receive messages of connections, in the order in which they can be unloaded. */
export const MANAGERS = ['rdma_cm', 'ib_cm'] as const

/**
 * What the rules of devices need to know.
 *
 * @param multiplexer path of rdmacm-mux, if it is installed
 * @param root folder that stands for `/`
 */
export function readRdmaFacts(multiplexer: string | undefined, root = '/'): RdmaFacts {
  const devices = readRdmaDevices(root)
  return {
    devices,
    managers: MANAGERS.filter((name) =>
      isModulePresent(name, {
        exists: (path) => existsSync(join(root, path)),
        read: (path) => readText(root, path),
      }),
    ),
    refused: filesOf(devices).filter((file) => !mayOpen(join(root, file))),
    ...(multiplexer === undefined ? {} : { multiplexer }),
  }
}

/** Built in, or loaded. What is built in has no folder in /sys/module unless it has parameters. */
export function isModulePresent(
  name: string,
  {
    exists,
    read,
  }: {
    readonly exists: (path: string) => boolean
    readonly read: (path: string) => string | undefined
  },
): boolean {
  if (exists(`/sys/module/${name}`)) return true
  return (read(`/lib/modules/${release()}/modules.builtin`) ?? '')
    .split('\n')
    .some((path) => path.endsWith(`/${name}.ko`) || path.endsWith(`/${name.replaceAll('_', '-')}.ko`))
}

/** Device files of RDMA devices. */
export function filesOf(devices: readonly RdmaDeviceFact[]): readonly string[] {
  return devices.flatMap(({ uverbs, ports }) =>
    [uverbs, ...ports.map(({ umad }) => umad)].filter((file) => file !== undefined),
  )
}

/** @param root folder that stands for `/`. */
export function readRdmaDevices(root = '/'): readonly RdmaDeviceFact[] {
  const classes = join(root, 'sys/class')
  return list(join(classes, 'infiniband')).map((name): RdmaDeviceFact => {
    const folder = join(classes, 'infiniband', name)
    const driver = driverOf(folder)
    const uverbs = list(join(classes, 'infiniband_verbs')).find(
      (one) => read(join(classes, 'infiniband_verbs', one, 'ibdev')) === name,
    )
    return {
      name,
      ...(driver === undefined ? {} : { driver }),
      ports: list(join(folder, 'ports')).map((port) => readPort(root, name, Number(port))),
      ...(uverbs === undefined ? {} : { uverbs: `/dev/infiniband/${uverbs}` }),
    }
  })
}

function readPort(root: string, device: string, number: number): RdmaPortFact {
  const classes = join(root, 'sys/class')
  const folder = join(classes, 'infiniband', device, 'ports', `${number}`)
  const gids = list(join(folder, 'gids'))
    .map(Number)
    .toSorted((a, b) => a - b)
    .flatMap((index) => {
      const gid = read(join(folder, 'gids', `${index}`)) ?? ''
      if (!/[1-9a-f]/.test(gid)) return []
      const type = read(join(folder, 'gid_attrs/types', `${index}`))
      return [{ index, gid, ...(type === undefined ? {} : { type }) }]
    })
  const netdev = netdevOf(folder, join(classes, 'infiniband', device))
  const mac = netdev === undefined ? undefined : read(join(classes, 'net', netdev, 'address'))
  // Beside it lies issmN, for subnet managers, with the same attributes (drivers/infiniband/core/user_mad.c).
  const umad = list(join(classes, 'infiniband_mad')).find(
    (one) =>
      one.startsWith('umad') &&
      read(join(classes, 'infiniband_mad', one, 'ibdev')) === device &&
      read(join(classes, 'infiniband_mad', one, 'port')) === `${number}`,
  )
  return {
    number,
    // `4: ACTIVE`
    state: (read(join(folder, 'state')) ?? 'unknown').replace(/^\d+: /, ''),
    linkLayer: read(join(folder, 'link_layer')) ?? 'unknown',
    ...(netdev === undefined ? {} : { netdev }),
    ...(mac === undefined ? {} : { mac }),
    gids,
    ...(umad === undefined ? {} : { umad: `/dev/infiniband/${umad}` }),
  }
}

/** Soft devices name their interface themselves; for others the address at index 0 belongs to it. */
function netdevOf(port: string, device: string): string | undefined {
  const parent = read(join(device, 'parent'))
  return parent || read(join(port, 'gid_attrs/ndevs/0')) || undefined
}

function driverOf(folder: string): string | undefined {
  try {
    return basename(readlinkSync(join(folder, 'device/driver')))
  } catch {
    return undefined
  }
}

const list = (folder: string) => listFolder('/', folder).toSorted()

/** Undefined also where the kernel has no answer, as for an address that is not set. */
const read = (path: string) => readText('/', path)
