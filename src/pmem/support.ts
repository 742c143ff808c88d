/** Whether this computer’s kernel can make persistent memory of RAM at all. Looked at before anything is touched. */
import { gunzipSync } from 'node:zlib'
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { readContainer } from '../host/container.ts'
import { readKernel } from '../host/kernel.ts'
import type { HostReader } from '../steps/host-reader.ts'

export const problems = defineDiagnostics({
  PMEM_NOT_X86: {
    title: 'Only x86 kernels can turn RAM into persistent memory with memmap=.',
    why: 'other architectures have no such parameter',
    remedy: 'give the machine an NVDIMM on a file instead: --nvdimm 1G',
    source: 'Documentation/admin-guide/kernel-parameters.txt, memmap=nn!ss',
  },
  PMEM_IN_CONTAINER: {
    title: 'This is a container, which has no boot loader of its own.',
    why: 'the kernel is the host’s, and so is its command line',
    remedy: 'run it on the host',
  },
  PMEM_NO_DRIVER: {
    title: 'The kernel has no driver for such memory.',
    why: 'it would reserve the memory, and there would be no /dev/pmem',
    remedy:
      'boot a kernel with these options; those of the distributions have them, slim ones for clouds often do not',
    source: 'drivers/nvdimm/e820.c',
  },
  PMEM_NO_MODULE: {
    title: 'The kernel’s configuration has the driver as a module, but the module is not installed.',
    why: 'without it there is no /dev/pmem',
    remedy:
      'install the package with the further modules of this kernel, such as modules-extra or kernel-modules',
  },
  PMEM_LOCKED_DOWN: {
    title: 'The kernel is locked down, most likely because of Secure Boot.',
    severity: 'note',
    why: 'memmap= is taken all the same, but only modules that are signed are loaded, and kernel images are only those that are',
    remedy: 'nothing needs to be done with a kernel of the distribution',
    source: 'man 7 kernel_lockdown',
  },
})

/** What such a device needs, and what it is for. */
const OPTIONS = {
  CONFIG_X86_PMEM_LEGACY: 'nd_e820',
  CONFIG_BLK_DEV_PMEM: 'nd_pmem',
  CONFIG_FS_DAX: undefined,
} as const

/** What is in the way, and what is worth knowing. */
export function checkSupport(host: HostReader): readonly Diagnostic[] {
  const { arch, release } = readKernel()
  if (arch !== 'x86_64') return [problems.PMEM_NOT_X86.at('', `this computer is ${arch}`)]
  const container = readContainer()
  return [
    ...(container === undefined
      ? []
      : [problems.PMEM_IN_CONTAINER.at('', `this is a ${container} container`)]),
    ...checkDriver(host, release),
    ...checkLockdown(host),
  ]
}

/** By the configuration of the running kernel; empty where the configuration is unavailable. */
export function checkDriver(host: HostReader, release: string): readonly Diagnostic[] {
  const config = readConfig(host, release)
  if (config === undefined) return []
  const values = Object.entries(OPTIONS).map(([option, module]) => ({
    option,
    module,
    value: new RegExp(`^${option}=([ym])$`, 'm').exec(config)?.[1],
  }))
  const lacking = values.filter((v) => v.value === undefined).map((v) => v.option)
  if (lacking.length > 0)
    return [problems.PMEM_NO_DRIVER.at('', `the kernel ${release} was built without ${lacking.join(', ')}`)]
  const listed = ['modules.dep', 'modules.builtin']
    .map((name) => host.read(`/lib/modules/${release}/${name}`)?.toString() ?? '')
    .join('\n')
  const missing = values.flatMap(({ value, module }) =>
    value === 'm' && module !== undefined && !listed.includes(`/${module}.ko`) ? [module] : [],
  )
  return missing.length === 0
    ? []
    : [
        problems.PMEM_NO_MODULE.at(
          '',
          `the kernel ${release} has no module ${missing.join(', ')} in /lib/modules/${release}`,
        ),
      ]
}

/** What the running kernel was built with; undefined where that is unavailable. */
export function readConfig(host: HostReader, release: string): string | undefined {
  const packed = host.read('/proc/config.gz')
  if (packed) return gunzipSync(packed).toString()
  return [`/boot/config-${release}`, `/lib/modules/${release}/config`]
    .map((path) => readIfAllowed(host, path))
    .find((text) => text !== undefined)
}

function checkLockdown(host: HostReader): readonly Diagnostic[] {
  const mode = /\[(\w+)\]/.exec(readIfAllowed(host, '/sys/kernel/security/lockdown') ?? '')?.[1]
  return mode === undefined || mode === 'none'
    ? []
    : [problems.PMEM_LOCKED_DOWN.at('', `the kernel is locked down: ${mode}`)]
}

function readIfAllowed(host: HostReader, path: string): string | undefined {
  try {
    return host.read(path)?.toString()
  } catch {
    return undefined
  }
}
