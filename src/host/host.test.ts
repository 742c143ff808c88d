import { chmodSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { availableParallelism, cpus, release, tmpdir, totalmem } from 'node:os'
import { dirname, join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { formatCpuList, parseCpuList } from '../cpu-list.ts'
import { readCgroup } from './cgroup.ts'
import { readContainer } from './container.ts'
import { readCpus } from './cpus.ts'
import { readDistribution } from './distribution.ts'
import { readHost } from './host.ts'
import { kvmProblem, readKvm } from './kvm.ts'
import { readMemory } from './memory.ts'
import { readHostNodes } from './numa.ts'
import { findProgram, userTools } from './tools.ts'

const folders: string[] = []
afterAll(() => {
  for (const folder of folders) rmSync(folder, { recursive: true })
})

/** A computer that is not this one: a folder with its /proc, /sys and /etc. */
function computer(files: Readonly<Record<string, string>>): string {
  const root = mkdtempSync(join(tmpdir(), 'host-'))
  folders.push(root)
  for (const [path, text] of Object.entries(files)) {
    mkdirSync(join(root, dirname(path)), { recursive: true })
    writeFileSync(join(root, path), text)
  }
  return root
}
const nothing = computer({})

describe('this computer', () => {
  test('is as Node sees it, where Node can', () => {
    const host = readHost()
    expect(host.kernel.release).toBe(release())
    expect(host.cpus.online).toHaveLength(cpus().length)
    expect(host.cpus.allowed).toHaveLength(availableParallelism())
    expect(host.cpus.model).toBe(cpus()[0]?.model.trim())
    expect(host.memory.totalBytes).toBe(totalmem())
    expect(JSON.parse(JSON.stringify(host))).toEqual(host)
  })
})

describe('distribution', () => {
  const family = (text: string) => readDistribution(computer({ 'etc/os-release': text })).family
  test('its family is its own, or that of a relative', () => {
    expect(family('ID=debian')).toBe('debian')
    expect(family('ID=linuxmint\nID_LIKE="ubuntu debian"')).toBe('debian')
    expect(family('ID="rocky"\nID_LIKE="rhel centos fedora"')).toBe('fedora')
    expect(family("ID=manjaro\nID_LIKE='arch'")).toBe('arch')
    expect(family('ID=nixos')).toBeUndefined()
  })
  test('quotes are read', () => {
    const root = computer({ 'usr/lib/os-release': 'ID=x\nPRETTY_NAME="The \\"X\\" 1"\nVERSION_ID="1"\n' })
    expect(readDistribution(root)).toEqual({ id: 'x', name: 'The "X" 1', version: '1' })
    expect(readDistribution(nothing)).toEqual({ id: 'unknown', name: 'unknown', version: '' })
  })
})

test('lists of CPUs', () => {
  expect(parseCpuList('0-2,5,7-8\n')).toEqual([0, 1, 2, 5, 7, 8])
  expect(parseCpuList('')).toEqual([])
  expect(formatCpuList([8, 7, 0, 1, 2, 5, 5])).toBe('0-2,5,7-8')
})

test('CPUs that are off or forbidden', () => {
  const root = computer({
    'proc/cpuinfo':
      'processor\t: 0\nmodel name\t: Big  One\nflags\t\t: fpu vmx sse\n\nprocessor\t: 1\nflags\t: hypervisor\n',
    'sys/devices/system/cpu/online': '0-3,6\n',
    'proc/self/status': 'Name:\tx\nCpus_allowed_list:\t2-5\n',
  })
  expect(readCpus(root)).toEqual({
    model: 'Big  One',
    online: [0, 1, 2, 3, 6],
    allowed: [2, 3],
    virtualization: 'vmx',
    isVirtual: false,
  })
})

test('memory, huge pages and nodes of a larger computer', () => {
  const root = computer({
    'proc/meminfo': 'MemTotal:       2048 kB\nMemFree: 1 kB\nMemAvailable:   1024 kB\n',
    'sys/kernel/mm/hugepages/hugepages-1048576kB/nr_hugepages': '4\n',
    'sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages': '3\n',
    'sys/kernel/mm/hugepages/hugepages-2048kB/nr_hugepages': '0\n',
    'sys/devices/system/node/online': '0,2\n',
    'sys/devices/system/node/node0/cpulist': '0-1\n',
    'sys/devices/system/node/node0/meminfo': 'Node 0 MemTotal:  2048 kB\nNode 0 MemFree:  1024 kB\n',
    'sys/devices/system/node/node0/distance': '10 21\n',
    'sys/devices/system/node/node2/cpulist': '\n',
  })
  expect(readMemory(root)).toEqual({
    totalBytes: 2 ** 21,
    availableBytes: 2 ** 20,
    hugePages: [
      { bytes: 2 ** 21, total: 0, free: 0 },
      { bytes: 2 ** 30, total: 4, free: 3 },
    ],
  })
  expect(readHostNodes(root)).toEqual([
    {
      node: 0,
      cpus: [0, 1],
      totalBytes: 2 ** 21,
      freeBytes: 2 ** 20,
      availableBytes: 2 ** 20,
      hugePages: [],
      distances: [10, 21],
    },
    { node: 2, cpus: [], totalBytes: 0, freeBytes: 0, availableBytes: 0, hugePages: [], distances: [] },
  ])
  expect(readHostNodes(nothing)).toEqual([])
})

describe('control groups', () => {
  test('version 2: the least limit on the way up counts', () => {
    const root = computer({
      'proc/self/cgroup': '0::/a/b\n',
      'sys/fs/cgroup/cgroup.controllers': 'cpu memory',
      'sys/fs/cgroup/a/memory.max': '1000\n',
      'sys/fs/cgroup/a/cpu.max': 'max 100000\n',
      'sys/fs/cgroup/a/b/memory.max': 'max\n',
      'sys/fs/cgroup/a/b/cpu.max': '150000 100000\n',
    })
    expect(readCgroup(root)).toEqual({ version: 2, memoryBytes: 1000, cpus: 1.5 })
  })
  test('version 1: no limit is a large number, no quota is -1', () => {
    const files = {
      'proc/self/cgroup': '3:cpu,cpuacct:/x\n2:memory:/x\n',
      'sys/fs/cgroup/memory/x/memory.limit_in_bytes': '9223372036854771712\n',
      'sys/fs/cgroup/cpu/x/cpu.cfs_quota_us': '-1\n',
      'sys/fs/cgroup/cpu/x/cpu.cfs_period_us': '100000\n',
    }
    expect(readCgroup(computer(files))).toEqual({ version: 1 })
    expect(readCgroup(computer({ ...files, 'sys/fs/cgroup/memory/memory.limit_in_bytes': '4096' }))).toEqual({
      version: 1,
      memoryBytes: 4096,
    })
  })
  test('none', () => expect(readCgroup(nothing)).toEqual({ version: undefined }))
})

test('containers name themselves in different places', () => {
  expect(readContainer(nothing)).toBeUndefined()
  expect(readContainer(computer({ '.dockerenv': '' }))).toBe('docker')
  expect(readContainer(computer({ 'run/.containerenv': '' }))).toBe('podman')
  expect(readContainer(computer({ 'proc/1/environ': 'A=1\0container=lxc\0' }))).toBe('lxc')
  expect(readContainer(computer({ 'run/systemd/container': 'systemd-nspawn\n' }))).toBe('systemd-nspawn')
})

describe('KVM', () => {
  test('a device that is missing', () => {
    const kvm = readKvm(join(nothing, 'kvm'))
    expect(kvm.state).toBe('missing')
    expect(kvmProblem(kvm)?.code).toBe('KVM_MISSING')
  })
  test('a device that opens', () => {
    const root = computer({ kvm: '' })
    expect(kvmProblem(readKvm(join(root, 'kvm')))).toBeUndefined()
  })
  test.skipIf(process.getuid?.() === 0)('a device that this user may not open', () => {
    const path = join(computer({ kvm: '' }), 'kvm')
    chmodSync(path, 0)
    expect(kvmProblem(readKvm(path))?.code).toBe('KVM_NO_PERMISSION')
  })
  test('a device that does not open', () => {
    const kvm = readKvm(nothing)
    expect(kvm).toMatchObject({ state: 'broken', error: 'EISDIR' })
    expect(kvmProblem(kvm)?.code).toBe('KVM_BROKEN')
  })
})

describe('programs', () => {
  test('are found in the search path, before the folders of this user’s own', () => {
    const root = computer({ 'bin/gcc': '', 'home/.cargo/bin/mdbook': '' })
    chmodSync(join(root, 'bin/gcc'), 0o755)
    expect(findProgram('gcc', join(root, 'bin'))).toBe(join(root, 'bin/gcc'))
    expect(findProgram('no-such-tool', join(root, 'bin'))).toBeUndefined()
    expect(userTools({ HOME: '/home/a' })).toEqual({
      cargo: '/home/a/.cargo',
      npm: '/home/a/.local/share/bringup/npm',
      python: '/home/a/.local/share/bringup/python',
    })
    expect(userTools({ HOME: '/home/a', XDG_DATA_HOME: '/d', CARGO_HOME: '/c' })).toMatchObject({
      cargo: '/c',
      npm: '/d/bringup/npm',
    })
  })
})
