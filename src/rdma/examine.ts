/** What this computer has for RDMA, and what is in the way of guests that share it. Reads only. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { MANAGERS, MULTIPLEXER, readRdmaFacts } from '../host/rdma.ts'
import { findProgram } from '../host/tools.ts'
import { problems as ofDevice } from '../machine/devices/pvrdma-problems.ts'
import type { RdmaDeviceFact, RdmaFacts } from '../machine/facts.ts'
import { findTool } from '../qemus/installed.ts'
import type { HostReader } from '../steps/host-reader.ts'
import {
  holdersOf,
  isPresent,
  loadedModules,
  lostWith,
  problems as ofModules,
  unloadOrder,
} from './modules.ts'
import { ofedVersion } from './steps/ofed-driver.ts'

export const problems = defineDiagnostics({
  RDMA_PROVIDERS_MISSING: {
    title: 'The libraries are missing by which programs use RDMA devices.',
    why: 'libibverbs opens a library for each kind of device; without it QEMU finds no device, and crashes at startup',
    remedy: 'install them (Debian, Ubuntu: apt install ibverbs-providers; Fedora: dnf install libibverbs)',
    source: 'QEMU: "No IB devices were found", then SIGSEGV',
  },
  RDMA_UMAD_TAKEN: {
    title: 'Another program has a port open that the multiplexer needs.',
    why: 'one receiver of connection messages fits on a port, whichever user runs it',
    remedy: 'end that program; a multiplexer that bringup starts is shared by the runs of one user only',
  },
})

export interface ModuleReport {
  readonly name: string
  /** Whether it must be there, or must not. */
  readonly isWanted: boolean
  readonly isPresent: boolean
  /** Modules that would have to go with it. */
  readonly usedBy: readonly string[]
  /** What stops working without it. */
  readonly lost: readonly string[]
}

export interface RdmaReport {
  readonly facts: RdmaFacts
  readonly hasModules: boolean
  readonly modules: readonly ModuleReport[]
  readonly ofed: string | undefined
  /** Names of kinds of devices that libraries are installed for. */
  readonly providers: readonly string[]
  readonly rdmaProgram: string | undefined
  readonly diagnostics: readonly Diagnostic[]
}

/** Modules that must be there. */
const WANTED = ['ib_uverbs', 'ib_umad'] as const

export async function examineRdma(host: HostReader): Promise<RdmaReport> {
  const facts = readRdmaFacts(findTool(MULTIPLEXER))
  const loaded = loadedModules(host)
  const report = (name: string, isWanted: boolean): ModuleReport => {
    const order = unloadOrder(name, loaded ?? new Map()).map((module) => module.name)
    return {
      name,
      isWanted,
      isPresent: isPresent(name, host),
      usedBy: isWanted ? [] : order.filter((one) => one !== name),
      lost: isWanted ? [] : order.map(lostWith),
    }
  }
  const modules = [
    ...WANTED.map((name) => report(name, true)),
    ...MANAGERS.map((name) => report(name, false)),
  ]
  const providers = (host.list('/etc/libibverbs.d') ?? []).flatMap((name) =>
    name.endsWith('.driver') ? [name.slice(0, -'.driver'.length)] : [],
  )
  return {
    facts,
    hasModules: loaded !== undefined,
    modules,
    ofed: await ofedVersion(host),
    providers,
    rdmaProgram: findProgram('rdma'),
    diagnostics: [
      ...(loaded === undefined && facts.devices.length === 0
        ? [
            ofModules.RDMA_MODULES_UNSUPPORTED.at(
              '',
              'this kernel loads no modules, and shows no RDMA device',
            ),
          ]
        : []),
      ...wrongWithDevices(facts),
      ...(facts.devices.length > 0 && providers.length === 0
        ? [problems.RDMA_PROVIDERS_MISSING.at('', '/etc/libibverbs.d has no *.driver')]
        : []),
      ...takenPorts(facts.devices, host),
      ...(facts.managers.length > 0
        ? [ofDevice.PVRDMA_MANAGER_LOADED.at('', `${facts.managers.join(' and ')} loaded`)]
        : []),
      ...(facts.multiplexer === undefined
        ? [
            ofDevice.PVRDMA_MULTIPLEXER_MISSING.at(
              '',
              'rdmacm-mux was found neither in PATH nor with a QEMU of bringup',
            ),
          ]
        : []),
    ],
  }
}

function wrongWithDevices({ devices, refused }: RdmaFacts): readonly Diagnostic[] {
  if (devices.length === 0) return [ofDevice.PVRDMA_NO_DEVICE.at('', 'no RDMA device was found')]
  return devices.flatMap(({ name, uverbs, ports }) => [
    ...(uverbs === undefined
      ? [ofDevice.PVRDMA_NO_UVERBS.at('', `${name} has no /dev/infiniband/uverbsN`)]
      : []),
    ...ports.flatMap(({ number, umad, state }) => [
      ...(umad === undefined
        ? [ofDevice.PVRDMA_NO_UMAD.at('', `port ${number} of ${name} has no /dev/infiniband/umadN`)]
        : []),
      ...(state === 'ACTIVE'
        ? []
        : [ofDevice.PVRDMA_PORT_DOWN.at('', `port ${number} of ${name} is ${state}`)]),
    ]),
    ...[uverbs, ...ports.map(({ umad }) => umad)].flatMap((file) =>
      file !== undefined && refused.includes(file)
        ? [ofDevice.PVRDMA_NO_ACCESS.at('', `${file} cannot be opened for reading and writing`)]
        : [],
    ),
  ])
}

/** A multiplexer of bringup's own is no problem: further runs of this user share it. */
function takenPorts(devices: readonly RdmaDeviceFact[], host: HostReader): readonly Diagnostic[] {
  return devices.flatMap(({ name, ports }) =>
    ports.flatMap(({ number, umad }) => {
      const others = umad === undefined ? [] : holdersOf([umad], host).filter((one) => !isOurs(one, host))
      return others.length === 0
        ? []
        : [
            problems.RDMA_UMAD_TAKEN.at(
              '',
              `port ${number} of ${name}: ${umad} is open in ${others.join(', ')}`,
            ),
          ]
    }),
  )
}

const isOurs = (holder: string, host: HostReader) => {
  const pid = /^process (\d+)/.exec(holder)?.[1]
  return host.read(`/proc/${pid}/environ`)?.includes('BRINGUP_SERVICE=') === true
}
