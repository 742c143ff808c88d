/**
 * What Linux made of persistent memory and of CXL memory: regions, namespaces, memory devices.
 * Source: Documentation/ABI/testing/sysfs-bus-nvdimm, sysfs-bus-nfit and sysfs-bus-cxl.
 */
import type { GuestCxlMemory, GuestNvdimm, GuestPmemRegion, GuestView } from '../../../machine/guest-view.ts'
import type { Files } from './view-files.ts'

/** A line `LINK:TARGET` for each device, since where it hangs tells what it is of; then its attributes. */
export const PMEM_SCRIPT = `
for device in /sys/bus/nd/devices/region* /sys/bus/cxl/devices/mem*; do
  [ -e $device ] && echo "$device:$(readlink -f $device)"
done
nd=/sys/bus/nd/devices
for folder in $nd/namespace*/block; do
  [ -e $folder ] && echo "$folder:$(ls $folder)"
done
grep -s '' $nd/region*/size $nd/region*/read_only $nd/region*/numa_node $nd/region*/target_node \\
  $nd/region*/persistence_domain $nd/region*/mapping[0-9]* $nd/nmem*/commands $nd/nmem*/nfit/handle $nd/nmem*/nfit/flags \\
  $nd/namespace*/mode $nd/namespace*/size /sys/bus/cxl/devices/mem*/pmem/size /sys/bus/cxl/devices/mem*/ram/size \\
  /sys/bus/cxl/devices/decoder0.*/start /sys/bus/cxl/devices/decoder0.*/size /sys/bus/cxl/devices/decoder0.*/target_list /dev/null`

const ND = '/sys/bus/nd/devices'
const MODES: Readonly<Record<string, GuestPmemRegion['namespaces'][number]['mode']>> = {
  raw: 'raw',
  safe: 'sector',
  memory: 'fsdax',
  dax: 'devdax',
}

/** NVDIMMs that Linux knows, with the region that it made of each. One without a region has no bytes. */
export function nvdimmsOf(files: Files): readonly GuestNvdimm[] {
  const regions = regionsOf(files)
  const handles = [...files].flatMap(([path, text]) =>
    /^\/sys\/bus\/nd\/devices\/nmem\d+\/nfit\/handle$/.test(path) ? [Number(text)] : [],
  )
  return handles
    .toSorted((a, b) => a - b)
    .map((handle) => {
      const region = regions.find((r) => r.handles.includes(handle))?.region
      const isArmed = !flagsOf(handle, files).includes('not_armed')
      const hasLabels = commandsOf(handle, files).includes('set_data')
      const { bytes = 0, node = null, persistenceDomain = null } = region ?? {}
      return { handle, bytes, node, persistenceDomain, isArmed, hasLabels, ...(region ? { region } : {}) }
    })
}

interface Found {
  readonly region: GuestPmemRegion
  /** NFIT handles of the NVDIMMs that it consists of; QEMU interleaves none, so it is one. */
  readonly handles: readonly number[]
}

function regionsOf(files: Files): readonly Found[] {
  return devices(files, /^\/sys\/bus\/nd\/devices\/(region\d+)$/).map(({ name }) => ({
    region: regionOf(name, files),
    handles: [...files]
      .filter(([path]) => path.startsWith(`${ND}/${name}/mapping`))
      .flatMap(([, mapping]) => files.get(`${ND}/${mapping.split(',')[0]}/nfit/handle`) ?? [])
      .map(Number),
  }))
}

function regionOf(name: string, files: Files): GuestPmemRegion {
  const value = (file: string) => files.get(`${ND}/${name}/${file}`)
  const node = Number(value('target_node') ?? value('numa_node') ?? -1)
  return {
    name,
    bytes: Number(value('size')),
    node: node < 0 ? null : node,
    isReadOnly: value('read_only') === '1',
    persistenceDomain: domainOf(value('persistence_domain')),
    namespaces: namespacesOf(name, files),
  }
}

/** The file is absent where the value is unknown. */
function domainOf(text: string | undefined): GuestPmemRegion['persistenceDomain'] {
  return text === 'cpu_cache' ? 'cpu' : text === 'memory_controller' ? 'mem-ctrl' : null
}

/** Those of size 0 are places for namespaces to come. */
function namespacesOf(region: string, files: Files): GuestPmemRegion['namespaces'] {
  const prefix = `${ND}/namespace${region.slice('region'.length)}.`
  return [...files]
    .flatMap(([path, mode]) => {
      if (!path.startsWith(prefix) || !path.endsWith('/mode')) return []
      const folder = path.slice(0, -'/mode'.length)
      const bytes = Number(files.get(`${folder}/size`))
      const name = folder.slice(ND.length + 1)
      return bytes > 0
        ? [{ name, mode: MODES[mode] ?? 'raw', bytes, deviceNode: deviceNodeOf(name, files) }]
        : []
    })
    .toSorted((a, b) => Number(a.name.split('.')[1]) - Number(b.name.split('.')[1]))
}

/** The script prints `NAMESPACE/block:pmem0` for a namespace that a driver made a disk of. */
const deviceNodeOf = (name: string, files: Files) => files.get(`${ND}/${name}/block`) || null

const nmemOf = (handle: number, files: Files) =>
  [...files]
    .find(([path, text]) => path.endsWith('/nfit/handle') && Number(text) === handle)?.[0]
    .slice(0, -'/nfit/handle'.length)
const flagsOf = (handle: number, files: Files) => files.get(`${nmemOf(handle, files)}/nfit/flags`) ?? ''
const commandsOf = (handle: number, files: Files) => files.get(`${nmemOf(handle, files)}/commands`) ?? ''

/** One region hangs below each function of virtio-pmem, once its driver is there. */
export function virtioPmemsOf(
  files: Files,
  addresses: readonly string[],
): NonNullable<GuestView['virtioPmems']> {
  const regions = devices(files, /^\/sys\/bus\/nd\/devices\/(region\d+)$/)
  return addresses.map((address) => {
    const found = regions.find(({ target }) => target.includes(`:${address}/virtio`))
    if (!found) return { address, bytes: 0 }
    const region = regionOf(found.name, files)
    return { address, bytes: region.bytes, region }
  })
}

/** A device that no driver has taken is there, and has no memory. Windows are decoders of the root. */
export function cxlOf(files: Files, addresses: readonly string[]): NonNullable<GuestView['cxl']> {
  const memories = cxlMemoriesOf(files)
  const windows = [...files].flatMap(([path, start]) => {
    const folder = /^(\/sys\/bus\/cxl\/devices\/decoder0\.\d+)\/start$/.exec(path)?.[1]
    if (folder === undefined) return []
    const targets = (files.get(`${folder}/target_list`) ?? '').split(',').filter(Boolean).map(Number)
    return [{ start: Number(start), bytes: Number(files.get(`${folder}/size`)), targets }]
  })
  return {
    windows,
    memories: addresses.map(
      (address) => memories.find((m) => m.address === address) ?? { address, bytes: 0 },
    ),
  }
}

function cxlMemoriesOf(files: Files): readonly GuestCxlMemory[] {
  return devices(files, /^\/sys\/bus\/cxl\/devices\/(mem\d+)$/)
    .map(({ name, target }) => {
      const size = (kind: string) => Number(files.get(`/sys/bus/cxl/devices/${name}/${kind}/size`) ?? 0)
      return {
        address: /:([0-9a-f]{2}:[0-9a-f]{2}\.\d)\/mem\d+$/.exec(target)?.[1] ?? '',
        bytes: size('pmem') + size('ram'),
        volatileBytes: size('ram'),
      }
    })
    .toSorted((a, b) => (a.address < b.address ? -1 : 1))
}

function devices(files: Files, link: RegExp): readonly { readonly name: string; readonly target: string }[] {
  return [...files].flatMap(([path, target]) => {
    const name = link.exec(path)?.[1]
    return name === undefined ? [] : [{ name, target }]
  })
}
