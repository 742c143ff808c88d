/** An operation that makes persistent memory of RAM: its steps, and what a journalled one was for. */
import type { HostReader } from '../steps/host-reader.ts'
import type { Operation } from '../steps/journal.ts'
import type { Step } from '../steps/step.ts'
import type { BootLoader } from './boot/boot-loader.ts'
import { bootSteps } from './boot/boot-steps.ts'
import { memmapWord } from './parse-parameters.ts'
import type { WantedRegion } from './region-rules.ts'
import { pmemDevice, regionSchema } from './steps/pmem-device.ts'
import { pmemFilesystem } from './steps/pmem-filesystem.ts'
import { pmemMount } from './steps/pmem-mount.ts'
import { pmemUnit } from './steps/pmem-unit.ts'

/** The command's name in the journal. */
export const OPERATION_NAME = 'pmem'

export interface MountRequest {
  readonly type: 'ext4' | 'xfs'
  /** Where: `{index}` counts from 0, `{node}` is the region’s node. Default: `/mnt/pmem{index}`. */
  readonly pattern: string
  /** Mounted at every boot. */
  readonly hasUnit: boolean
  /** `uid:gid` of who is to write there; undefined for root. */
  readonly owner?: string
}

/** Boot loader first, then for each region: its device, its file system, its mount, its unit. */
export function pmemSteps(
  regions: readonly WantedRegion[],
  mount: MountRequest | undefined,
  loader: BootLoader,
  host: HostReader,
): readonly Step[] {
  return [
    ...bootSteps(loader, regions.map(memmapWord), host),
    ...regions.map((region) => pmemDevice.step({ ...region })),
    ...(mount ? regions.flatMap((region, index) => mountSteps(region, index, mount)) : []),
  ]
}

function mountSteps(region: WantedRegion, index: number, mount: MountRequest): readonly Step[] {
  const { type, hasUnit, owner } = mount
  const path = mountPoint(mount.pattern, region, index)
  const label = `bringup-pm${index}`
  return [
    pmemFilesystem.step({ region: { ...region }, type, label }),
    pmemMount.step({ region: { ...region }, type, path, ...(owner === undefined ? {} : { owner }) }),
    ...(hasUnit ? [pmemUnit.step({ region: { ...region }, type, label, path })] : []),
  ]
}

/** The pattern filled in, without a slash at its end. */
export function mountPoint(pattern: string, region: WantedRegion, index: number): string {
  const filled = pattern.replaceAll('{index}', `${index}`).replaceAll('{node}', `${region.node ?? 0}`)
  return filled.length > 1 ? filled.replace(/\/+$/, '') : filled
}

/** A region of a journalled operation, and where it is mounted. */
export interface JournalledRegion {
  readonly region: WantedRegion
  readonly mountPoint?: string
}

export function regionsOf({ steps }: Pick<Operation, 'steps'>): readonly JournalledRegion[] {
  return steps
    .filter((step) => step.kind === pmemDevice.kind)
    .flatMap((step) => {
      const parsed = regionSchema.safeParse(step.params)
      if (!parsed.success) return []
      const { start, bytes, node } = parsed.data
      const path = steps.map((other) => mountedAt(other, start)).find((found) => found !== undefined)
      return [
        {
          region: { start, bytes, ...(node === undefined ? {} : { node }) },
          ...(path === undefined ? {} : { mountPoint: path }),
        },
      ]
    })
}

function mountedAt(step: Step, start: number): string | undefined {
  if (step.kind !== pmemMount.kind) return undefined
  const parsed = pmemMount.schema.safeParse(step.params)
  return parsed.success && parsed.data.region.start === start ? parsed.data.path : undefined
}
