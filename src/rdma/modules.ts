/** Kernel modules of this computer: what is loaded, what uses it, and what stops working without it. Reads only. */
import { defineDiagnostics } from '../diagnostics.ts'
import { isModulePresent } from '../host/rdma.ts'
import type { HostReader } from '../steps/host-reader.ts'

export const problems = defineDiagnostics({
  RDMA_MODULES_UNSUPPORTED: {
    title: 'The kernel of this computer cannot load modules, and lacks a driver for RDMA.',
    why: 'it was built without CONFIG_MODULES, as kernels of containers and small virtual machines are',
    remedy: 'use a computer with the kernel of a distribution',
    source: '/proc/modules is missing',
  },
  RDMA_MODULE_MISSING: {
    title: 'The kernel of this computer has no module of a driver for RDMA.',
    why: 'kernels for clouds and containers leave drivers of RDMA out',
    remedy: 'install the full kernel of the distribution instead of the one for clouds, and boot it',
    source: 'modprobe --dry-run',
  },
  RDMA_MANAGER_BUILT_IN: {
    title: 'The kernel has a receiver of connection messages that cannot be unloaded.',
    why: 'the multiplexer for guests needs its place, and what is part of the kernel stays',
    remedy:
      'boot a kernel with CONFIG_INFINIBAND_ADDR_TRANS=m and CONFIG_INFINIBAND=m, such as that of a distribution',
    source: '/lib/modules/RELEASE/modules.builtin',
  },
  RDMA_MODULE_IN_USE: {
    title: 'A module that has to be unloaded is in use by programs.',
    why: 'the kernel unloads no module that is in use, and bringup ends no program of the user',
    remedy: 'end the programs that are listed below, then run this again',
    source: '/proc/modules, third column',
  },
  RDMA_STOPS_WORKING: {
    severity: 'warning',
    title: 'Something stops working while a module is unloaded.',
    why: 'the module receives the messages of connections, which the multiplexer for guests needs',
    remedy: 'go on if you can do without; `bringup rdma down` loads the modules again',
  },
})

export interface LoadedModule {
  readonly name: string
  /** By modules and by others. */
  readonly uses: number
  readonly usedBy: readonly string[]
}

/** Undefined where the kernel has no modules at all. */
export function loadedModules(host: HostReader): ReadonlyMap<string, LoadedModule> | undefined {
  const text = host.read('/proc/modules')?.toString()
  return text === undefined ? undefined : parseModules(text)
}

/** Lines of /proc/modules: `ib_cm 131072 1 rdma_cm, Live 0x0000000000000000`. Pure. */
export function parseModules(text: string): ReadonlyMap<string, LoadedModule> {
  return new Map(
    text.split('\n').flatMap((line): readonly (readonly [string, LoadedModule])[] => {
      const [name, , uses, users = '-'] = line.split(' ')
      if (!name || uses === undefined) return []
      const usedBy = users.split(',').filter((one) => one !== '' && one !== '-')
      return [[name, { name, uses: Number(uses), usedBy }]]
    }),
  )
}

/** The module with all that use it, each before what it uses. Pure. */
export function unloadOrder(
  name: string,
  loaded: ReadonlyMap<string, LoadedModule>,
): readonly LoadedModule[] {
  const order: LoadedModule[] = []
  const visit = (one: string) => {
    const module = loaded.get(one)
    if (!module || order.includes(module)) return
    for (const user of module.usedBy) visit(user)
    order.push(module)
  }
  visit(name)
  return order
}

/** What is lost with each. Source: Kconfig of the modules. */
const LOST: Readonly<Record<string, string>> = {
  ib_ipoib: 'IP over InfiniBand: interfaces such as ib0 disappear',
  rdma_ucm: 'programs that connect through librdmacm, such as rping and ucmatose',
  rdma_cm: 'connections of the kernel over RDMA',
  ib_cm: 'connections of the kernel over RDMA',
  nvme_rdma: 'NVMe disks over RDMA',
  nvmet_rdma: 'NVMe disks that are exported over RDMA',
  ib_iser: 'iSCSI disks over RDMA',
  ib_isert: 'iSCSI disks that are exported over RDMA',
  ib_srp: 'SCSI disks over RDMA',
  ib_srpt: 'SCSI disks that are exported over RDMA',
  rpcrdma: 'NFS over RDMA',
  rds_rdma: 'RDS sockets over RDMA',
  smc: 'SMC sockets',
  rtrs_client: 'block devices over RTRS',
  rtrs_server: 'block devices that are exported over RTRS',
}

export const lostWith = (name: string): string => LOST[name] ?? `what the module ${name} does`

/** Built in, or loaded. */
export const isPresent = (name: string, host: HostReader): boolean =>
  isModulePresent(name, {
    exists: (path) => host.stat(path) !== undefined,
    read: (path) => host.read(path)?.toString(),
  })

/** Other processes that have a file open, as far as this user may see. */
export function holdersOf(paths: readonly string[], host: HostReader): readonly string[] {
  return (host.list('/proc') ?? []).flatMap((pid) => {
    // bringup opens none, and may inherit one from the process that started it.
    if (!/^\d+$/.test(pid) || pid === `${process.pid}`) return []
    try {
      const isHolder = (host.list(`/proc/${pid}/fd`) ?? []).some((fd) =>
        paths.includes(host.readlink(`/proc/${pid}/fd/${fd}`) ?? ''),
      )
      return isHolder ? [`process ${pid} (${host.read(`/proc/${pid}/comm`)?.toString().trim()})`] : []
    } catch {
      // Another user's, or gone by now.
      return []
    }
  })
}
