/** Persistent memory that the running kernel has made of RAM, and its devices. Reads only. Source: `Documentation/driver-api/nvdimm/nvdimm.rst`. */
import type { HostReader } from '../steps/host-reader.ts'
import type { PmemRegion } from './memory-map.ts'

export interface PmemDevice {
  /** `/dev/pmem0`; undefined when the driver made none of the region. */
  readonly path?: string
  readonly bytes: number
  /** Undefined when this user may not know. */
  readonly start?: number
  readonly node: number
  /** Of its namespace: `memory` is fsdax, `raw` has no page structures, so no DAX. */
  readonly mode?: string
}

const BUS = '/sys/bus/nd/devices'

/** Regions of the kernel’s e820 driver alone: those of real NVDIMMs have another provider. */
export function emulatedDevices(host: HostReader): readonly PmemDevice[] {
  const buses = (host.list(BUS) ?? []).filter(
    (name) => name.startsWith('ndbus') && text(host, `${BUS}/${name}/provider`) === 'e820',
  )
  return buses.flatMap((bus) =>
    (host.list(`${BUS}/${bus}`) ?? [])
      .filter((name) => /^region\d+$/.test(name))
      .sort()
      .map((name) => regionOf(`${BUS}/${bus}/${name}`, host)),
  )
}

function regionOf(folder: string, host: HostReader): PmemDevice {
  const start = Number(text(host, `${folder}/resource`) || Number.NaN)
  const namespaces = (host.list(folder) ?? []).filter((name) => /^namespace\d+\.\d+$/.test(name))
  const block = namespaces.flatMap((name) => host.list(`${folder}/${name}/block`) ?? [])[0]
  const mode = namespaces.map((name) => text(host, `${folder}/${name}/mode`)).find(Boolean)
  return {
    ...(block === undefined ? {} : { path: `/dev/${block}` }),
    bytes: Number(text(host, `${folder}/size`)),
    ...(Number.isSafeInteger(start) ? { start } : {}),
    // Minus one: a kernel without NUMA.
    node: Math.max(0, Number(text(host, `${folder}/numa_node`) || 0)),
    ...(mode === undefined ? {} : { mode }),
  }
}

/** The device of a region; where addresses are hidden, the only one of its size. */
export function deviceOf(region: PmemRegion, devices: readonly PmemDevice[]): PmemDevice | undefined {
  const exact = devices.find((d) => d.start === region.start && d.bytes === region.bytes)
  if (exact) return exact
  const hidden = devices.filter((d) => d.start === undefined && d.bytes === region.bytes)
  return hidden.length === 1 ? hidden[0] : undefined
}

function text(host: HostReader, path: string): string {
  try {
    return host.read(path)?.toString().trim() ?? ''
  } catch {
    return ''
  }
}
