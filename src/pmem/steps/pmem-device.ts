/** Step: the kernel has made a device of the region, with the whole range and on the wanted node. */
import * as z from 'zod'
import { isClean } from '../../diagnostics.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { emulatedDevices, type PmemDevice } from '../devices.ts'
import { explainRegion, type RegionState } from '../explain-region.ts'
import { readKernelLog } from '../read-map.ts'
import type { WantedRegion } from '../region-rules.ts'

/** A region as steps carry it. */
export const regionSchema = z.object({
  start: z.int().nonnegative(),
  bytes: z.int().positive(),
  node: z.int().nonnegative().optional(),
})

export async function askKernel(region: WantedRegion, host: HostReader): Promise<RegionState> {
  return explainRegion(region, {
    commandLine: host.read('/proc/cmdline')?.toString() ?? '',
    log: await readKernelLog(host),
    devices: emulatedDevices(host),
  })
}

/** The device of a region once it is there and in order. */
export async function readyDevice(
  region: WantedRegion,
  host: HostReader,
): Promise<(PmemDevice & { readonly path: string }) | undefined> {
  const { state, device } = await askKernel(region, host)
  return state === 'ready' && device?.path !== undefined ? { ...device, path: device.path } : undefined
}

type Region = z.output<typeof regionSchema>

export function regionOf({ start, bytes, node }: Region): WantedRegion {
  return { start, bytes, ...(node === undefined ? {} : { node }) }
}

const DRIVERS = ['nd_e820', 'nd_pmem']

export const pmemDevice = defineStep<Region, null>({
  kind: 'pmem-device',
  schema: regionSchema,
  describe: (region) => `see the device of ${words(region)}`,
  async check(region, host) {
    const { state, device, diagnostics } = await askKernel(regionOf(region), host)
    if (state === 'awaiting-reboot') return { state: 'later', detail: 'after the reboot' }
    if (state === 'ready') return { state: 'done', detail: `${device?.path} on node ${device?.node}` }
    const isMissing = diagnostics.some((d) => d.code === 'PMEM_DEVICE_MISSING')
    const isLoaded = DRIVERS.every((name) => host.stat(`/sys/module/${name}`))
    if (!isMissing || isLoaded)
      return { state: 'blocked', diagnostics: diagnostics.filter((d) => !isClean([d])) }
    const commands = DRIVERS.map((name) => ({ argv: ['modprobe', name], asRoot: true }))
    return { state: 'change', detail: 'load its drivers', before: null, commands }
  },
  undo: async () => ({ state: 'done', detail: 'ends with the parameter' }),
})

function words({ bytes, start }: Region): string {
  return `${bytes / 1024 ** 2} MiB at 0x${start.toString(16)}`
}
