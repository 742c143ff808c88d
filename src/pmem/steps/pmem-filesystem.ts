/** Step: there is a file system on the device that can be mounted with DAX. Data that is there is never overwritten. */
import * as z from 'zod'
import { defineDiagnostics } from '../../diagnostics.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { formatBytes, MiB } from '../../units.ts'
import { readyDevice, regionOf, regionSchema } from './pmem-device.ts'

export const problems = defineDiagnostics({
  PMEM_XFS_SMALL: {
    title: 'The region is too small for xfs.',
    why: 'mkfs.xfs requires at least 300 MiB',
    remedy: 'make the region at least 300M, or use --fs ext4',
    source:
      'mkfs.xfs 6.1: "Filesystem must be larger than 300MB."; xfsprogs, "mkfs: stop allowing tiny filesystems"',
  },
  PMEM_HOLDS_DATA: {
    title: 'The device already has content.',
    why: 'making a file system would destroy it',
    remedy: 'mount it as it is, or, if it can go, clear it with wipefs --all, then `bringup resume`',
  },
})

/** What `mkfs.xfs` refuses. */
const XFS_LEAST_BYTES = 300 * MiB

/** What is wrong with a file system of that type on regions of that size. Pure. */
export function checkFilesystem(type: 'ext4' | 'xfs', regions: readonly { readonly bytes: number }[]) {
  const small = regions.find(({ bytes }) => bytes < XFS_LEAST_BYTES)
  if (type !== 'xfs' || small === undefined) return []
  return [
    problems.PMEM_XFS_SMALL.at('', `an xfs file system is wanted on a region of ${formatBytes(small.bytes)}`),
  ]
}

const schema = z.object({
  region: regionSchema,
  type: z.enum(['ext4', 'xfs']),
  /** At most 12 characters, for xfs. */
  label: z.string().max(12),
})

export const pmemFilesystem = defineStep<z.output<typeof schema>, null>({
  kind: 'pmem-filesystem',
  schema,
  needs: ['root'],
  describe: ({ type, label }) => `make an ${type} file system for DAX, ${label}`,
  async check({ region, type, label }, host) {
    const device = await readyDevice(regionOf(region), host)
    if (!device) return { state: 'later', detail: 'after the device exists' }
    const there = await contentOf(device.path, host)
    if (there?.type === type && there.label === label)
      return { state: 'done', detail: `it is on ${device.path}` }
    if (there)
      return {
        state: 'blocked',
        diagnostics: [
          problems.PMEM_HOLDS_DATA.at('', `${device.path} has ${there.type} ${there.label}`.trim()),
        ],
      }
    return {
      state: 'change',
      detail: `on ${device.path}`,
      before: null,
      commands: [
        { argv: [...MAKERS[type], '-L', label, device.path], asRoot: true },
        // udev notes what is on a device after its writer has closed it.
        { argv: ['udevadm', 'settle'], asRoot: true },
      ],
    }
  },
  undo: async () => ({ state: 'done', detail: 'ends with the memory at the reboot' }),
})

/**
 * DAX wants blocks of the size of a page, which ext4 does not take by itself on small devices. Kernels before 6.1 refuse
 * DAX on an xfs with reflink. Source: `Documentation/filesystems/dax.rst`.
 */
const MAKERS = {
  ext4: ['mkfs.ext4', '-q', '-b', '4096'],
  xfs: ['mkfs.xfs', '-q', '-m', 'reflink=0'],
} as const

async function contentOf(
  device: string,
  host: HostReader,
): Promise<{ type: string; label: string } | undefined> {
  const { stdout } = await host.ask([
    'lsblk',
    '--noheadings',
    '--nodeps',
    '--pairs',
    '--output',
    'FSTYPE,LABEL',
    device,
  ])
  const [, type = '', label = ''] = /FSTYPE="([^"]*)" LABEL="([^"]*)"/.exec(stdout) ?? []
  return type === '' ? undefined : { type, label }
}
