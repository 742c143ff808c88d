/** What the control group of this process leaves it. Source: cgroups(7), `Documentation/admin-guide/cgroup-v2.rst`. */
import { dirname, join } from 'node:path'
import { readText } from './read-file.ts'

export interface CgroupFact {
  readonly version: 1 | 2 | undefined
  /** Least memory limit on the way up to the root; undefined without one. */
  readonly memoryBytes?: number
  /** CPU time by quota, in CPUs: 1.5; undefined without a quota. */
  readonly cpus?: number
}

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readCgroup(root = '/'): CgroupFact {
  const lines = (readText(root, 'proc/self/cgroup') ?? '').split('\n').map((line) => line.split(':'))
  const unified = lines.find(([id]) => id === '0')?.[2]
  const isV2 = readText(root, 'sys/fs/cgroup/cgroup.controllers') !== undefined
  if (isV2) {
    const folders = upwards('sys/fs/cgroup', unified ?? '/')
    return fact(
      2,
      folders.map((f) => number(readText(root, `${f}/memory.max`))),
      folders.map((f) => quotaV2(readText(root, `${f}/cpu.max`))),
    )
  }
  const folderOf = (controller: string) => {
    const path = lines.find(([, names]) => names?.split(',').includes(controller))?.[2]
    return path === undefined ? [] : upwards(`sys/fs/cgroup/${controller}`, path)
  }
  const memory = folderOf('memory').map((f) => number(readText(root, `${f}/memory.limit_in_bytes`)))
  const cpus = folderOf('cpu').map((f) => {
    const quota = number(readText(root, `${f}/cpu.cfs_quota_us`))
    const period = number(readText(root, `${f}/cpu.cfs_period_us`))
    return quota && period && quota > 0 ? quota / period : undefined
  })
  return fact(memory.length + cpus.length > 0 ? 1 : undefined, memory, cpus)
}

type Limits = readonly (number | undefined)[]

function fact(version: CgroupFact['version'], memory: Limits, cpus: Limits): CgroupFact {
  // Version 1 says "no limit" as the largest number of pages.
  const memoryBytes = least(memory.filter((bytes) => bytes !== undefined && bytes < 2 ** 60))
  const cpuLimit = least(cpus)
  return {
    version,
    ...(memoryBytes === undefined ? {} : { memoryBytes }),
    ...(cpuLimit === undefined ? {} : { cpus: cpuLimit }),
  }
}

function least(limits: Limits): number | undefined {
  const set = limits.filter((limit) => limit !== undefined)
  return set.length > 0 ? Math.min(...set) : undefined
}

/** The group's folder and all above it: every one of them limits. In a container the path may lie outside; the root is always there. */
function upwards(mount: string, path: string): readonly string[] {
  const folders = [mount]
  for (let at = path; at !== '/' && at !== '.' && !at.startsWith('/..'); at = dirname(at))
    folders.push(join(mount, at))
  return folders
}

function number(text: string | undefined): number | undefined {
  return text !== undefined && /^-?\d+$/.test(text) ? Number(text) : undefined
}

function quotaV2(text: string | undefined): number | undefined {
  const [quota, period] = (text ?? '').split(' ').map((word) => number(word))
  return quota !== undefined && period ? quota / period : undefined
}
