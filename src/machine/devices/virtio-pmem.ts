/** Persistent memory over virtio: the host's page cache as the guest's memory, flushed when the guest asks for it. */
import * as z from 'zod'
import { type Diagnostic, defineDiagnostics } from '../../diagnostics.ts'
import { formatBytes, KiB, MiB, zBytes } from '../../units.ts'
import {
  type Compiled,
  defineDevice,
  type Expectation,
  option,
  type PersistenceVerdict,
  type RuleContext,
} from '../device.ts'
import { zDeviceId } from '../device-id.ts'
import { type Backing, backingFile, backingKeys, filesAndLocks, placeBacking } from './backing.ts'
import { backingProblems, checkBacking } from './backing-rules.ts'
import { keptInFile } from './kept-in-file.ts'
import { pciFunction } from './pci-expectation.ts'

const schema = z.lazy(() =>
  z.strictObject({
    kind: z.literal('virtio-pmem'),
    id: zDeviceId,
    size: zBytes.describe('What the guest can use; for Linux a multiple of 2M.'),
    ...backingKeys(),
  }),
)

type Config = z.output<typeof schema>

/** Virtio device 27 (virtio 1.2, 5.19), as every modern virtio function: 0x1040 and the device number. */
const PCI_FUNCTION = '1af4:105b'

const ownProblems = defineDiagnostics({
  VIRTIO_PMEM_SIZE_ZERO: {
    title: 'A virtio-pmem device has size 0.',
    why: 'QEMU cannot create a memory backend of size 0',
    remedy: 'give it a size, such as "256M"',
    source: "QEMU: \"doesn't take value '0'\"",
    qemu: 'refuses',
  },
  VIRTIO_PMEM_SIZE_NOT_PAGES: {
    title: 'The size of a virtio-pmem device is not a multiple of the page size.',
    why: 'it becomes a range of the guest’s memory',
    remedy: 'use a multiple of 4K; for Linux a multiple of 2M',
    source: 'QEMU: "backend memory size must be multiple of 0x1000"',
    qemu: 'refuses',
  },
  VIRTIO_PMEM_SIZE_UNALIGNED: {
    severity: 'warning',
    title: 'Linux cannot map this virtio-pmem device, or the one that comes after it.',
    why: 'Linux maps device memory in sections of 2 MiB, and QEMU puts one device behind the other: "misaligned, unable to map", and there is no /dev/pmem; other kernels may not mind',
    remedy: 'use a multiple of 2M',
    source: 'seen with Linux 6.1: nd_pmem "probe of namespace0.0 failed with error -95"',
    qemu: 'accepts',
  },
})

export const virtioPmem = defineDevice({
  kind: 'virtio-pmem',
  summary: 'persistent memory over virtio: the page cache of a file, flushed when the guest asks for it',
  schema,
  savedState: () =>
    'QEMU saves no state of virtio-pmem: a restored guest would lose its queues; use an NVDIMM',
  diagnostics: { ...ownProblems, ...backingProblems },
  flag: {
    name: 'virtio-pmem',
    first: 'size',
    example: '256M',
    help: 'add persistent memory over virtio of this size; other keys as in the description',
  },
  place: (config, home) => placeBacking(config, home),
  paths(config, machine) {
    const file = backingFile(config, machine)
    return file === undefined ? [] : [file]
  },
  // It is memory that counts against maxmem, but no DIMM: it takes no slot.
  dimms: ({ size }) => [{ bytes: size, hasSlot: false }],
  needs: ({ backing }) => ({ types: ['virtio-pmem-pci', backendOf(backing)] }),
  check,
  compile,
  mustSee,
  topology: ({ size }) => ({ detail: formatBytes(size) }),
  persistence,
})

/**
 * RAM is a memory file: the guest's flush becomes an fsync of the backend's descriptor, which anonymous memory has not,
 * and QEMU then answers every flush with an error (hw/virtio/virtio-pmem.c; seen: mkfs failed of an I/O error).
 */
function backendOf(backing: Backing['backing']): string {
  return backing === 'ram' ? 'memory-backend-memfd' : 'memory-backend-file'
}

function check(config: Config, context: RuleContext): readonly Diagnostic[] {
  const file = backingFile(config, context.machine)
  return [
    ...checkSize(config.size, `${context.path}.size`),
    ...checkBacking(config, { file, bytes: config.size }, context),
  ]
}

function checkSize(size: number, at: string): readonly Diagnostic[] {
  if (size === 0) return [ownProblems.VIRTIO_PMEM_SIZE_ZERO.at(at, 'the size is 0')]
  if (size % (4 * KiB) !== 0)
    return [ownProblems.VIRTIO_PMEM_SIZE_NOT_PAGES.at(at, `the size is ${size} bytes`)]
  return size % (2 * MiB) === 0
    ? []
    : [ownProblems.VIRTIO_PMEM_SIZE_UNALIGNED.at(at, `${formatBytes(size)} is not a multiple of 2M`)]
}

function compile(config: Config, { machine, facts }: RuleContext): Compiled {
  const { id = 'virtio-pmem0', size, share, backing } = config
  const file = backingFile(config, machine)
  const fact = file === undefined ? undefined : facts.files.get(file)
  const memory = `${id}-memory`
  return {
    args: [
      option('-object', backendOf(backing), {
        id: memory,
        'mem-path': file,
        size,
        share: file === undefined ? true : share,
      }),
      option('-device', 'virtio-pmem-pci', { id, memdev: memory }),
    ],
    ...filesAndLocks(config, file, { fact, bytes: size }),
  }
}

function mustSee(
  { id = 'virtio-pmem0', size }: Config,
  { machine, path }: RuleContext,
): readonly Expectation[] {
  const device = `virtio-pmem ${id}`
  const ordinal = machine.devices.filter((d) => d.kind === 'virtio-pmem').findIndex((d) => d.path === path)
  return [
    pciFunction(device, PCI_FUNCTION, ordinal),
    {
      device,
      aspect: 'size',
      want: formatBytes(size),
      see: ({ virtioPmems }) => {
        if (!virtioPmems) return undefined
        const seen = virtioPmems[ordinal]
        if (!seen) return null
        return seen.bytes === null ? undefined : formatBytes(seen.bytes)
      },
    },
  ]
}

/** What the guest has flushed is on the host's disk: that is what this device is for (QEMU docs/system/devices/virtio-pmem.rst). */
function persistence(config: Config, { machine, facts }: RuleContext): readonly PersistenceVerdict[] {
  const file = backingFile(config, machine)
  return keptInFile(
    { ...config, id: config.id ?? 'virtio-pmem0' },
    { file, fact: file === undefined ? undefined : facts.files.get(file) },
    {
      answer: 'yes',
      because:
        'what the guest flushed (fsync): the request goes through virtio, and QEMU syncs the file before it answers. What it only stored is not guaranteed, and no file system of the guest’s grants MAP_SYNC here',
    },
  )
}
