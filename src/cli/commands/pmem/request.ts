/** The request of `pmem plan` and `pmem apply`, and the plan for it. */
import { readFileSync } from 'node:fs'
import { normalize } from 'node:path'
import { BringupError, type Diagnostic, isClean } from '../../../diagnostics.ts'
import { type BootLoader, findBootLoader } from '../../../pmem/boot/boot-loader.ts'
import { choosePmemRegions, type PmemRequest } from '../../../pmem/choose-regions.ts'
import type { MemoryMap } from '../../../pmem/memory-map.ts'
import { type MountRequest, mountPoint, pmemSteps } from '../../../pmem/operation.ts'
import { parseKernelBytes } from '../../../pmem/parse-parameters.ts'
import { mapOfLog, readMemoryMap } from '../../../pmem/read-map.ts'
import type { WantedRegion } from '../../../pmem/region-rules.ts'
import { checkFilesystem } from '../../../pmem/steps/pmem-filesystem.ts'
import { checkSupport } from '../../../pmem/support.ts'
import type { HostReader } from '../../../steps/host-reader.ts'
import type { Step } from '../../../steps/step.ts'
import { parseBytes } from '../../../units.ts'
import type { Invocation, OptionSpec } from '../../command.ts'
import { usageError } from '../../usage.ts'

export const REQUEST_OPTIONS: readonly OptionSpec[] = [
  { flags: '-s, --size <size>', description: 'of each region, such as 16G; a multiple of 2M' },
  {
    flags: '--count <n>',
    description: 'how many regions (default: 1); on the next node each, unless --node is given',
  },
  { flags: '--node <n>', description: 'NUMA node of the regions' },
  {
    flags: '--at <address>',
    description: 'begin a region there, such as 4G or 0x100000000; may be repeated',
    isRepeatable: true,
  },
  { flags: '--mount', description: 'create a file system and mount it with DAX on /mnt/pmem0, /mnt/pmem1 …' },
  {
    flags: '--mount-at <pattern>',
    description: 'mount point; {index} counts from 0, {node} is the NUMA node',
  },
  { flags: '--fs <type>', description: 'file system (default: ext4)', choices: ['ext4', 'xfs'] },
  { flags: '--unit', description: 'mount it at every boot, by systemd' },
]

const DEFAULT_PATTERN = '/mnt/pmem{index}'

export interface PmemPlan {
  readonly map: MemoryMap
  readonly regions: readonly WantedRegion[]
  /** Undefined where the map is not this computer’s, or there is no map to change. */
  readonly loader?: BootLoader
  readonly steps: readonly Step[]
  readonly diagnostics: readonly Diagnostic[]
}

/** Reports all problems at once. Reads only. */
export async function planPmem({ options }: Invocation, host: HostReader): Promise<PmemPlan> {
  const request = requestOf(options)
  const mount = mountOf(options)
  const file = options.memoryMap
  const map = typeof file === 'string' ? mapOfLog(readLog(file)) : await readMemoryMap(host)
  const chosen = choosePmemRegions(request, map)
  const { regions } = chosen
  const diagnostics = [...chosen.diagnostics, ...(mount ? checkFilesystem(mount.type, regions) : [])]
  if (mount) refuseSharedMountPoint(mount, regions)
  if (typeof file === 'string') return { map, regions, steps: [], diagnostics }
  const support = checkSupport(host)
  const loader = await findBootLoader(host)
  const found = [...support, ...('code' in loader ? [loader] : []), ...diagnostics]
  if ('code' in loader || !isClean(found)) return { map, regions, steps: [], diagnostics: found }
  return { map, regions, loader, steps: pmemSteps(regions, mount, loader, host), diagnostics: found }
}

function requestOf(options: Invocation['options']): PmemRequest {
  const bytes = typeof options.size === 'string' ? parseBytes(options.size) : undefined
  if (bytes === undefined || bytes === 0)
    throw usageError(
      options.size === undefined ? '--size is missing' : `--size ${String(options.size)} is no size`,
    )
  const at = (Array.isArray(options.at) ? options.at : []).map((text: string) => {
    const address = parseKernelBytes(text)
    if (address === undefined) throw usageError(`--at ${text} is no address; write 4G or 0x100000000`)
    return address
  })
  const count = numberOf(options.count, '--count')
  if (count !== undefined && (count < 1 || count < at.length))
    throw usageError(`--count ${count} is less than ${at.length > 0 ? 'there are addresses' : '1'}`)
  const node = numberOf(options.node, '--node')
  return { bytes, at, ...(count === undefined ? {} : { count }), ...(node === undefined ? {} : { node }) }
}

function numberOf(value: unknown, name: string): number | undefined {
  if (value === undefined) return undefined
  if (typeof value === 'string' && /^\d{1,6}$/.test(value)) return Number(value)
  throw usageError(`${name} ${String(value)} is no whole number`)
}

function mountOf(options: Invocation['options']): MountRequest | undefined {
  const isWanted =
    options.mount === true ||
    options.mountAt !== undefined ||
    options.unit === true ||
    options.fs !== undefined
  if (!isWanted) return undefined
  const pattern = typeof options.mountAt === 'string' ? options.mountAt : DEFAULT_PATTERN
  if (!pattern.startsWith('/')) throw usageError(`--mount-at ${pattern} does not begin with /`)
  refuseSystemFolder(pattern)
  const [uid, gid] = [process.getuid?.() ?? 0, process.getgid?.() ?? 0]
  return {
    type: options.fs === 'xfs' ? 'xfs' : 'ext4',
    pattern,
    hasUnit: options.unit === true,
    ...(uid === 0 ? {} : { owner: `${uid}:${gid}` }),
  }
}

/** Folders that the running system needs; what is in them would be hidden. Source: hier(7). */
const SYSTEM =
  /^\/(?:bin|boot|dev|etc|home|lib\w*|opt|proc|root|run|sbin|srv|sys|tmp|usr|var|var\/(?:lib|log|run|tmp|cache))?$/
/** Below these nothing is mounted at all. */
const NEVER_BELOW = /^\/(?:bin|boot|dev|etc|lib\w*|proc|sbin|sys|usr)\//

function refuseSystemFolder(pattern: string): void {
  const place = normalize(pattern).replace(/\/+$/, '') || '/'
  if (SYSTEM.test(place === '/' ? '/' : place) || NEVER_BELOW.test(place))
    throw usageError(
      `--mount-at ${pattern}: ${place} belongs to the system`,
      'use a place such as /mnt/pmem{index}',
    )
}

function refuseSharedMountPoint({ pattern }: MountRequest, regions: readonly WantedRegion[]): void {
  const points = regions.map((region, index) => mountPoint(pattern, region, index))
  const twice = points.find((point, index) => points.indexOf(point) !== index)
  if (twice !== undefined)
    throw usageError(
      `two regions would be mounted on ${twice}`,
      'use {index} in --mount-at, or {node} with one region a node',
    )
}

function readLog(path: string): string {
  try {
    return readFileSync(path === '-' ? 0 : path, 'utf8')
  } catch (error) {
    throw usageError(`--memory-map ${path} cannot be read: ${(error as Error).message}`)
  }
}

/** @throws BringupError with all errors */
export function refuseUnclean(diagnostics: readonly Diagnostic[]): void {
  if (!isClean(diagnostics)) throw new BringupError(diagnostics)
}
