/** Features that `--with` adds to a QEMU built from source: the options of configure, and the libraries that it takes. */
import type { Dependency } from '../../setup/dependency.ts'

export interface SourceFeature {
  /** What is typed after `--with`. */
  readonly name: string
  /** Features of configure. All of them must be offered by the tree. */
  readonly enables: readonly [string, ...string[]]
  readonly dependencies: readonly Dependency[]
  /** The version that took it out of QEMU. */
  readonly gone?: { readonly since: string; readonly why: string; readonly remedy: string }
}

const library = (
  why: string,
  packages: Readonly<Record<'debian' | 'fedora' | 'arch' | 'suse', string>> & { readonly alpine?: string },
): Dependency => ({ kind: 'package', packages, why })

const UMAD: readonly Dependency[] = [
  library('lets QEMU use RDMA devices', {
    debian: 'libibverbs-dev',
    fedora: 'rdma-core-devel',
    arch: 'rdma-core',
    suse: 'rdma-core-devel',
    alpine: 'rdma-core-dev',
  }),
  library('lets QEMU make RDMA connections', {
    debian: 'librdmacm-dev',
    fedora: 'rdma-core-devel',
    arch: 'rdma-core',
    suse: 'rdma-core-devel',
    alpine: 'rdma-core-dev',
  }),
  library('lets rdmacm-mux exchange management datagrams', {
    debian: 'libibumad-dev',
    fedora: 'rdma-core-devel',
    arch: 'rdma-core',
    suse: 'rdma-core-devel',
    alpine: 'rdma-core-dev',
  }),
]

/** A new feature is one more entry. */
export const SOURCE_FEATURES: readonly SourceFeature[] = [
  {
    name: 'rdma',
    enables: ['rdma', 'pvrdma'],
    dependencies: UMAD,
    gone: {
      since: '9.1',
      why: 'QEMU 9.1 removed pvrdma and rdmacm-mux (docs/about/removed-features.rst)',
      remedy: 'install a version below 9.1, such as 8.2, or use soft-RoCE in the guests',
    },
  },
  {
    name: 'pmem',
    enables: ['libpmem', 'libdaxctl'],
    dependencies: [
      library('flushes stores of NVDIMMs', {
        debian: 'libpmem-dev',
        fedora: 'libpmem-devel',
        arch: 'pmdk',
        suse: 'libpmem-devel',
      }),
      library('reads the alignment of DAX devices', {
        debian: 'libdaxctl-dev',
        fedora: 'daxctl-devel',
        arch: 'ndctl',
        suse: 'libndctl-devel',
        alpine: 'ndctl-dev',
      }),
    ],
  },
  {
    name: 'plugins',
    enables: ['plugins'],
    dependencies: [],
  },
  {
    name: 'usb',
    enables: ['libusb'],
    dependencies: [
      library('reaches USB devices of this computer', {
        debian: 'libusb-1.0-0-dev',
        fedora: 'libusb1-devel',
        arch: 'libusb',
        suse: 'libusb-1_0-devel',
        alpine: 'libusb-dev',
      }),
    ],
  },
  {
    name: 'spice',
    enables: ['spice'],
    dependencies: [
      library('serves SPICE displays', {
        debian: 'libspice-server-dev',
        fedora: 'spice-server-devel',
        arch: 'spice',
        suse: 'libspice-server-devel',
        alpine: 'spice-dev',
      }),
    ],
  },
  {
    name: 'gtk',
    enables: ['gtk'],
    dependencies: [
      library('draws the window', {
        debian: 'libgtk-3-dev',
        fedora: 'gtk3-devel',
        arch: 'gtk3',
        suse: 'gtk3-devel',
        alpine: 'gtk+3.0-dev',
      }),
    ],
  },
]

/** The entry of that name. */
export const sourceFeature = (name: string): SourceFeature | undefined =>
  SOURCE_FEATURES.find((f) => f.name === name)
