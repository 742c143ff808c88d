/** The CPUs of this computer, and those that this process may use. */
import { closeSync, openSync, readSync } from 'node:fs'
import { join } from 'node:path'
import { parseCpuList } from '../cpu-list.ts'
import { readText } from './read-file.ts'

export interface CpusFact {
  /** `AMD EPYC 7763`; empty where the kernel does not tell. */
  readonly model: string
  /** Numbers of the CPUs that are switched on. */
  readonly online: readonly number[]
  /** Those of them that this process may run on (cpuset, affinity). */
  readonly allowed: readonly number[]
  /** The hardware virtualisation that the CPU shows; absent inside most virtual machines. */
  readonly virtualization?: 'vmx' | 'svm'
  /** True when this computer is itself a virtual machine. */
  readonly isVirtual: boolean
}

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readCpus(root = '/'): CpusFact {
  const first = firstCpu(root)
  const flags = new Set(/^flags\s*:(.*)$/m.exec(first)?.[1]?.trim().split(/\s+/) ?? [])
  const online = parseCpuList(readText(root, 'sys/devices/system/cpu/online') ?? '')
  const status = readText(root, 'proc/self/status') ?? ''
  const allowed = parseCpuList(/^Cpus_allowed_list:\s*(\S+)$/m.exec(status)?.[1] ?? '')
  const virtualization = (['vmx', 'svm'] as const).find((flag) => flags.has(flag))
  return {
    model: /^model name\s*:(.*)$/m.exec(first)?.[1]?.trim() ?? '',
    online,
    allowed: online.filter((cpu) => allowed.includes(cpu)),
    ...(virtualization ? { virtualization } : {}),
    isVirtual: flags.has('hypervisor'),
  }
}

/** The first CPU's part of /proc/cpuinfo: the kernel makes the text as it is read, and all of it is long on big machines. */
function firstCpu(root: string): string {
  try {
    const fd = openSync(join(root, 'proc/cpuinfo'), 'r')
    try {
      const buffer = Buffer.alloc(8192)
      const text = buffer.toString('utf8', 0, readSync(fd, buffer))
      return text.split('\n\n')[0] ?? ''
    } finally {
      closeSync(fd)
    }
  } catch {
    return ''
  }
}
