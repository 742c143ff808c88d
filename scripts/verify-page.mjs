/** The generated page on what `--verify` compares, found out by asking the comparison itself. Data in, text out. */

const NOTICE = '<!-- Made by `npm run docs:generate` from the code; changes here are overwritten. -->'

/** One machine with every kind of part, so that every expectation is on the page. */
export const EVERYTHING = {
  cpu: {
    count: 2,
    max: 3,
    sockets: 3,
    model: 'EPYC',
    features: ['+avx2', 'vendor=AuthenticAMD', 'tsc-frequency=1000000000'],
  },
  memory: { size: '256M', hugePages: '2M' },
  numa: {
    nodes: [
      { memory: '128M', hostNodes: [0] },
      { memory: '128M', cpus: 0, initiator: 0 },
    ],
    distances: 20,
    hmat: [{ initiator: 0, target: 1, latency: '80ns', bandwidth: '10G' }],
    caches: [{ node: 1, size: '64M' }],
  },
  boot: { kernel: 'kernel', append: 'words' },
  debugExit: true,
  debugcon: true,
  display: 'std',
  devices: [
    { kind: 'nvdimm', id: 'ID', size: '64M', node: 1 },
    { kind: 'nvdimm', id: 'labelled', size: '64M', node: 1, label: '128K', namespaces: ['fsdax'] },
    { kind: 'virtio-pmem', id: 'ID-v', size: '64M' },
    { kind: 'ivshmem', id: 'ID-i', size: '1M' },
    { kind: 'cxl', id: 'ID-c', size: '256M' },
    { kind: 'disk', id: 'ID-d', file: 'disk.img' },
    { kind: 'cdrom', id: 'ID-r', file: 'disc.iso' },
    { kind: 'floppy', id: 'ID-f', file: 'floppy.img' },
    { kind: 'nic', id: 'ID-n' },
    { kind: 'serial', id: 'ID-s' },
    { kind: 'virtio-console', id: 'ID-p', name: 'port' },
    { kind: 'virtio-console', id: 'ID-h' },
    { kind: 'vsock', id: 'ID-k', cid: 42 },
    { kind: 'watchdog', id: 'ID-w' },
  ],
  pins: [{ cpu: 0, hostCpus: [0] }],
  qemuArgs: ['-device', 'virtio-rng-pci'],
}

const PMEM_GUID = '79d3f066f3b47440ac430d3318b78cdb'
const REGION = '/sys/bus/nd/devices/region'
/** What a guest prints that has one of everything that its report can have. */
export const LINUX_OUTPUT = [
  '/proc/cmdline:words',
  '/proc/cpuinfo:processor\t: 0',
  '/proc/cpuinfo:vendor_id\t: AuthenticAMD',
  '/proc/cpuinfo:flags\t: fpu',
  '/proc/cpuinfo:apicid\t: 0',
  '/sys/devices/system/cpu/cpu0/topology/physical_package_id:0',
  '/sys/devices/system/cpu/cpu0/topology/core_id:0',
  '/proc/zoneinfo:Node 0, zone DMA',
  '/proc/zoneinfo:        present  1',
  ...[0, 1].flatMap((n) => [
    `${REGION}${n}:/sys/devices/ndbus0/region${n}`,
    `${REGION}${n}/mapping0:nmem${n},0,1,0`,
    `/sys/bus/nd/devices/nmem${n}/nfit/handle:${n + 1}`,
  ]),
  '/sys/bus/pci/devices/0000:00:01.0/vendor:0x8086',
  '/sys/bus/pci/devices/0000:00:01.0/device:0x0d93',
  '/sys/bus/pci/devices/0000:00:02.0/vendor:0x1af4',
  '/sys/bus/pci/devices/0000:00:02.0/device:0x1110',
  ...['0x0 0x0', '0x0 0x0', '0x1000 0x1fff'].map(
    (bar) => `/sys/bus/pci/devices/0000:00:02.0/resource:${bar}`,
  ),
  `/sys/bus/pci/devices/0000:00:02.0/config:${Buffer.alloc(256).toString('base64')}`,
  '/sys/bus/cxl/devices/mem0:/sys/devices/0000:00:01.0/mem0',
  `/sys/firmware/acpi/tables/APIC:${acpiTable('APIC')}`,
  `/sys/firmware/acpi/tables/SRAT:${acpiTable('SRAT')}`,
  `/sys/firmware/acpi/tables/CEDT:${acpiTable('CEDT')}`,
  `/sys/firmware/acpi/tables/NFIT:${nfit([1, 2])}`,
  'bringup-view-end',
].join('\n')

const NVDIMM = { bytes: 1, node: 1, persistenceDomain: null, armed: true }
export const PROBE_OUTPUT = [
  { t: 'probe', boot: 'pvh', cmdline: 'words' },
  { t: 'cpu-model', vendor: 'AuthenticAMD', brand: '' },
  { t: 'cpu', apicId: 0, node: 0, socket: 0, core: 0, thread: 0, online: true, hotplug: false },
  { t: 'node', node: 0, cpus: 1, bytes: 1 },
  { t: 'nvdimm', handle: 1, ...NVDIMM },
  { t: 'nvdimm', handle: 2, ...NVDIMM },
  { t: 'virtio-pmem', address: '00:02.0', bytes: 1 },
  { t: 'ivshmem', address: '00:03.0', bytes: 1, vectors: 0, id: null },
  { t: 'cxl-memory', address: '00:01.0', bytes: 1 },
  { t: 'report' },
]
  .map((line) => JSON.stringify(line))
  .join('\n')

/** A table of its header alone, or with this content behind it. */
function acpiTable(signature, content = Buffer.alloc(24)) {
  const header = Buffer.alloc(40)
  header.write(signature, 0, 'latin1')
  header.writeUInt32LE(header.length + content.length, 4)
  return Buffer.concat([header, content]).toString('base64')
}

/** One range of persistent memory a handle (ACPI 6.4, 5.2.25). */
function nfit(handles) {
  const entries = handles.flatMap((handle) => {
    const range = Buffer.alloc(56)
    range.writeUInt16LE(range.length, 2)
    range.writeUInt16LE(handle, 4)
    range.write(PMEM_GUID, 16, 'hex')
    range.writeUInt32LE(1, 40)
    const mapping = Buffer.alloc(48)
    mapping.writeUInt16LE(1, 0)
    mapping.writeUInt16LE(mapping.length, 2)
    mapping.writeUInt32LE(handle, 4)
    mapping.writeUInt16LE(handle, 12)
    return [range, mapping]
  })
  return acpiTable('NFIT', Buffer.concat(entries))
}

/** @param verifications what `verify` found with each witness: `{ probe, linux }` */
export function verifyPage({ probe, linux }) {
  const witnesses = [
    ['probe kernel', rowsBy(probe, 'probe kernel')],
    ['Linux', rowsBy(linux, 'Linux')],
    ['ACPI tables of a Linux guest', rowsBy(linux, 'ACPI tables')],
  ]
  const all = [...new Set(witnesses.flatMap(([, rows]) => [...rows]))]
  const known = new Set(all)
  const never = linux.notCompared.filter((n) => !known.has(nameOf(n)))
  const yes = (rows, name) => (rows.has(name) ? 'yes' : '')
  return [
    NOTICE,
    '# What `--verify` compares',
    'One machine with every kind of part was compared with what each guest can report. A row of `run --verify` names who reported it: the probe kernel, Linux, or the ACPI tables that Linux hands out. Guests of the profiles `linux` and `debian` run the same command and report the same, if their kernel has the drivers; in a Debian guest the report waits until udev has loaded them. Profiles `bare` and `nrk` report nothing, so a run with `--verify` fails there. Profiles of your own compare what their `view` returns.',
    '| property | probe kernel | Linux | ACPI tables |',
    '| --- | --- | --- | --- |',
    ...all.map(
      (name) => `| ${escaped(name)} | ${witnesses.map(([, rows]) => yes(rows, name)).join(' | ')} |`,
    ),
  ]
    .join('\n')
    .replace('\n# ', '\n\n# ')
    .replace('compares\nOne', 'compares\n\nOne')
    .replace('\n| property', '\n\n| property')
    .concat(
      '\n\n## Not compared\n\n',
      'These are listed by `run --verify` below the table and in `notCompared` of the result, with the reason. A property that a guest cannot report appears there as well.\n\n',
      '| property | reason |\n| --- | --- |\n',
      never.map((n) => `| ${escaped(nameOf(n))} | ${escaped(n.because)} |`).join('\n'),
      '\n',
    )
}

const rowsBy = ({ comparison }, by) => new Set(comparison.filter((c) => c.by === by).map(nameOf))
/** `ID-d` and its like tell devices apart in the machine, not to the reader. */
const nameOf = ({ device, aspect }) =>
  `${device} ${aspect}`
    .replace(/\b(ID-\w|labelled)\b/, 'ID')
    .replace(/^node \d/, 'node N')
    .replace(/\d → \d/, 'A → B')
const escaped = (text) => text.replaceAll('|', '\\|').replaceAll('<', '\\<')
