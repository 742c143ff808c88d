/** Programs that use RDMA, by the packages of Debian and Ubuntu that have them. */

const PACKAGES: Readonly<Record<string, readonly string[]>> = {
  'ibverbs-utils': [
    'ibv_asyncwatch',
    'ibv_devices',
    'ibv_devinfo',
    'ibv_rc_pingpong',
    'ibv_srq_pingpong',
    'ibv_uc_pingpong',
    'ibv_ud_pingpong',
    'ibv_xsrq_pingpong',
  ],
  'rdmacm-utils': [
    'cmtime',
    'mckey',
    'rcopy',
    'rdma_client',
    'rdma_server',
    'rdma_xclient',
    'rdma_xserver',
    'riostream',
    'rping',
    'rstream',
    'ucmatose',
    'udaddy',
    'udpong',
  ],
  perftest: [
    'ib_atomic_bw',
    'ib_atomic_lat',
    'ib_read_bw',
    'ib_read_lat',
    'ib_send_bw',
    'ib_send_lat',
    'ib_write_bw',
    'ib_write_lat',
    'raw_ethernet_bw',
    'raw_ethernet_lat',
  ],
  'infiniband-diags': ['ibstat', 'ibstatus'],
  iproute2: ['rdma'],
}

/** The package of each program. */
export const RDMA_PACKAGE_OF: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(PACKAGES).flatMap(([name, programs]) => programs.map((program) => [program, name])),
)

export const RDMA_PROGRAMS: readonly string[] = Object.keys(RDMA_PACKAGE_OF)
