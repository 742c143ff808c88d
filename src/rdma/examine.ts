/** What this computer has for RDMA, and what is in the way of guests that share it. Reads only. */
import { type Diagnostic, defineDiagnostics, isClean } from '../diagnostics.ts'
import { MANAGERS, MULTIPLEXER, readRdmaFacts } from '../host/rdma.ts'
import { findProgram } from '../host/tools.ts'
import type { QemuCapabilities, RdmaDeviceFact, RdmaFacts } from '../machine/facts.ts'
import { checkMachine, parseMachine } from '../machine/machine.ts'
import { findTool } from '../qemus/installed.ts'
import type { HostReader } from '../steps/host-reader.ts'
import { problems as ofRoot } from '../steps/root.ts'
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
  RDMA_QEMU_MISSING: {
    title: 'This computer has no QEMU that bringup could use for a pvrdma.',
    why: 'QEMU has the device up to 9.0, and bringup uses it from 6.0 on',
    remedy: 'install one: `bringup qemu install 7.2 --from packages`',
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
  /** Without an error where a guest with a pvrdma can start. */
  readonly diagnostics: readonly Diagnostic[]
}

/** What a run would work with. */
export interface RdmaMeans {
  /** QEMUs of this computer, the preferred one first. */
  readonly qemus: readonly QemuCapabilities[]
  /** Addresses of guests are set as root. */
  readonly canBeRoot: boolean
  /** This user. */
  readonly uid: number
  /** Path of rdmacm-mux. Default: the one that a run would use. */
  readonly multiplexer?: string
  /** Folder that stands for `/`. */
  readonly root?: string
}

/** Modules that must be there. */
const WANTED = ['ib_uverbs', 'ib_umad'] as const

export async function examineRdma(host: HostReader, means: RdmaMeans): Promise<RdmaReport> {
  const { multiplexer = findTool(MULTIPLEXER), root } = means
  const facts = readRdmaFacts(multiplexer, root)
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
              'this kernel cannot load modules, and shows no RDMA device',
            ),
          ]
        : []),
      ...wrongWithPorts(facts, means, host),
      ...(facts.devices.length > 0 && providers.length === 0
        ? [problems.RDMA_PROVIDERS_MISSING.at('', '/etc/libibverbs.d has no *.driver')]
        : []),
      ...(means.canBeRoot ? [] : [noRoot()]),
    ],
  }
}

const noRoot = () =>
  ofRoot.ROOT_NEEDED.at('', 'a run sets the addresses of its guests on an interface of this computer', {
    evidence: ['sudo ip address add ADDRESS dev INTERFACE'],
  })

/** One port that a guest can use is enough: what is wrong with the others is a warning then. */
function wrongWithPorts(facts: RdmaFacts, means: RdmaMeans, host: HostReader): readonly Diagnostic[] {
  const places = facts.devices.flatMap(({ name, ports }) =>
    (ports.length === 0 ? [1] : ports.map(({ number }) => number)).map((port) => ({ device: name, port })),
  )
  const found = (places.length === 0 ? [{}] : places).map((place) => [
    ...wrongWithGuest(place, facts, means),
    ...facts.devices.flatMap((device) => takenPorts(device, place, means.uid, host)),
  ])
  const isUsable = found.some(isClean)
  const all = found.flat().map((one): Diagnostic => (isUsable ? { ...one, severity: 'warning' } : one))
  return all.filter(
    ({ code, what }, i) => all.findIndex((one) => one.code === code && one.what === what) === i,
  )
}

interface Place {
  readonly device?: string
  readonly port?: number
}

/** What a machine with that pvrdma would be refused for, with the QEMU that fits best. */
function wrongWithGuest(
  place: Place,
  rdma: RdmaFacts,
  { qemus }: Pick<RdmaMeans, 'qemus'>,
): readonly Diagnostic[] {
  const machine = parseMachine('guest', {
    memory: '64M',
    devices: [{ kind: 'pvrdma', network: 'none', ...place }],
  })
  const facts = {
    files: new Map(),
    hostNodes: [0],
    hugePages: [],
    hostBytes: Number.MAX_SAFE_INTEGER,
    accelerators: [],
    rdma,
  }
  const wrong = (qemu?: QemuCapabilities) =>
    checkMachine(machine, { ...facts, ...(qemu ? { qemu } : {}) }, 'guest')
      .filter(({ path }) => path.startsWith('devices['))
      // Paths are those of a description that the user has not written.
      .map((one): Diagnostic => ({ ...one, path: '' }))
  const count = (qemu: QemuCapabilities) => wrong(qemu).filter(({ severity }) => severity === 'error').length
  const [best] = qemus.toSorted((a, b) => count(a) - count(b))
  return best ? wrong(best) : [problems.RDMA_QEMU_MISSING.at('', 'no QEMU was found'), ...wrong()]
}

/** A multiplexer of bringup's own is no problem: further runs of this user share it. */
function takenPorts(
  { name, ports }: RdmaDeviceFact,
  place: Place,
  uid: number,
  host: HostReader,
): readonly Diagnostic[] {
  return ports.flatMap(({ number, umad }) => {
    if (umad === undefined || place.device !== name || place.port !== number) return []
    const others = holdersOf([umad], host).filter((one) => !isOurs(one, uid, host))
    if (others.length === 0) return []
    const what = `port ${number} of ${name}: ${umad} is open in ${others.join(', ')}`
    return [problems.RDMA_UMAD_TAKEN.at('', what)]
  })
}

/** Started by bringup for this user. */
function isOurs(holder: string, uid: number, host: HostReader): boolean {
  const pid = /^process (\d+)/.exec(holder)?.[1]
  if (host.stat(`/proc/${pid}`)?.uid !== uid) return false
  try {
    return host.read(`/proc/${pid}/environ`)?.includes('BRINGUP_SERVICE=') === true
  } catch {
    return false
  }
}
