/**
 * What nrk needs, divided as its Building guide does. Names of packages as `scripts/generic-setup.sh` of the tree has them
 * for Debian and Ubuntu; those of other families from their archives.
 */
import type { Dependency, DependencySet, PackageNames } from '../../../setup/dependency.ts'

const program = (name: string, why: string, packages: PackageNames = name): Dependency => ({
  kind: 'program',
  program: name,
  packages,
  why,
})

const python = (module: string, why: string): Dependency => ({
  kind: 'python',
  module,
  packages: { debian: `python3-${module}`, fedora: `python3-${module}`, arch: `python-${module}` },
  why,
})

const build: DependencySet = {
  name: 'build',
  summary: 'compiles boot loader, kernel and user programs',
  dependencies: [
    {
      kind: 'rust-toolchain',
      components: ['rust-src'],
      why: 'compiles everything; the tree’s `rust-toolchain` names the nightly compiler, and core and alloc are built from rust-src',
    },
    program('git', 'gets the submodules, and crates from git', 'git'),
    program('make', 'builds C parts'),
    program('gcc', 'compiles C parts of crates (ACPICA)'),
    program('ld', 'links the kernel', 'binutils'),
    {
      kind: 'package',
      packages: { debian: 'build-essential', fedora: 'gcc-c++', arch: 'base-devel' },
      why: 'brings the C library’s headers, which build scripts of crates want',
    },
    { kind: 'package', packages: 'ca-certificates', why: 'lets cargo and git trust the servers of crates' },
    program('curl', 'gets rustup’s installer'),
    program('mcopy', 'writes FAT images for boot media', 'mtools'),
    {
      kind: 'program',
      program: 'python3',
      packages: { debian: 'python3', fedora: 'python3', arch: 'python' },
      why: 'runs the old tool, which the tests call',
    },
    python('plumbum', 'starts commands for the old tool'),
    python('prctl', 'ties QEMU’s life to the old tool’s'),
    python('toml', 'reads descriptions of bare-metal machines'),
    python('pexpect', 'drives consoles of bare-metal machines'),
    python('packaging', 'compares versions'),
  ],
}

const run: DependencySet = {
  name: 'run',
  summary: 'boots it in QEMU',
  dependencies: [
    {
      kind: 'file',
      paths: [
        '/usr/share/OVMF/OVMF_CODE_4M.fd',
        '/usr/share/OVMF/OVMF_CODE.fd',
        '/usr/share/edk2/ovmf/OVMF_CODE.fd',
      ],
      packages: { debian: 'ovmf', fedora: 'edk2-ovmf', arch: 'edk2-ovmf' },
      why: 'is the firmware that starts the boot loader',
    },
    { ...program('numactl', 'binds memory and CPUs to the nodes of this computer'), isOptional: true },
    { ...program('lstopo', 'shows the nodes and caches of this computer', 'hwloc'), isOptional: true },
    {
      kind: 'cargo',
      program: 'corealloc',
      isOptional: true,
      why: 'chooses CPUs of this computer for the old tool; bringup pins by itself',
    },
  ],
}

const test: DependencySet = {
  name: 'test',
  summary: 'runs the integration tests of the tree',
  dependencies: [
    program('dhcpd', 'gives guests addresses', {
      debian: 'isc-dhcp-server',
      fedora: 'dhcp-server',
      arch: 'dhcp',
    }),
    program('redis-benchmark', 'loads the redis that runs in a guest', {
      debian: 'redis-tools',
      fedora: 'redis',
      arch: 'redis',
    }),
    program('socat', 'joins sockets in network tests'),
    program('nc', 'talks to guests in network tests', {
      debian: 'netcat-openbsd',
      fedora: 'nmap-ncat',
      arch: 'openbsd-netcat',
    }),
    program('dot', 'draws graphs', 'graphviz'),
    program('ifconfig', 'sets up networks for the old tool', 'net-tools'),
    program('brctl', 'sets up bridges for the old tool', 'bridge-utils'),
    program('tunctl', 'sets up taps for the old tool', { debian: 'uml-utilities' }),
    program('sshpass', 'logs in to management controllers of bare-metal machines'),
    program('hugeadm', 'reserves huge pages for benchmarks', {
      debian: 'libhugetlbfs-bin',
      fedora: 'libhugetlbfs-utils',
    }),
    {
      kind: 'package',
      packages: { debian: 'libhwloc-dev', fedora: 'hwloc-devel', arch: 'hwloc' },
      why: 'is linked by the tests, which read the topology of this computer',
    },
    {
      kind: 'capability',
      program: 'tcpdump',
      capabilities: ['cap_net_raw', 'cap_net_admin'],
      packages: 'tcpdump',
      why: 'lets the network tests see packets without being root',
    },
  ],
}

const rumpkernel: DependencySet = {
  name: 'rumpkernel',
  summary: 'builds programs for the rump kernel (the module rkapps)',
  dependencies: [
    program('gcc', 'compiles the rump kernel and its programs'),
    program('make', 'builds them'),
    {
      kind: 'package',
      packages: { debian: 'zlib1g-dev', fedora: 'zlib-devel', arch: 'zlib' },
      why: 'is linked by the rump kernel’s tools',
    },
    program('genisoimage', 'makes the image with the programs’ files', {
      debian: 'genisoimage',
      fedora: 'genisoimage',
      arch: 'cdrtools',
    }),
    {
      kind: 'package',
      packages: { debian: 'libevent-dev', fedora: 'libevent-devel', arch: 'libevent' },
      why: 'is linked by memcached',
    },
  ],
}

const docs: DependencySet = {
  name: 'docs',
  summary: 'builds the book',
  dependencies: [
    {
      kind: 'cargo',
      program: 'mdbook',
      version: '0.4.35',
      why: 'turns doc/ into the book; this version is the one that the tree’s set-up names',
    },
  ],
}

export const NRK_DEPENDENCIES: readonly DependencySet[] = [build, run, test, rumpkernel, docs]
