/**
 * What Linux made of persistent memory and of CXL memory: regions, namespaces, memory devices.
 * Source: Documentation/ABI/testing/sysfs-bus-nvdimm, sysfs-bus-nfit and sysfs-bus-cxl.
 */
import type { GuestCxlMemory, GuestNvdimm, GuestPmemRegion, GuestView } from '../../../machine/guest-view.ts'

/** A line `LINK:TARGET` for each device, since where it hangs tells what it is of; then its attributes. */
export const PMEM_SCRIPT = `
for device in /sys/bus/nd/devices/region* /sys/bus/cxl/devices/mem*; do
  [ -e $device ] && echo "$device:$(readlink -f $device)"
done
nd=/sys/bus/nd/devices
grep -s '' $nd/region*/size $nd/region*/read_only $nd/region*/numa_node $nd/region*/target_node \\
  $nd/region*/persistence_domain $nd/region*/mapping[0-9]* $nd/nmem*/commands $nd/nmem*/nfit/handle $nd/nmem*/nfit/flags \\
  $nd/namespace*/mode $nd/namespace*/size /sys/bus/cxl/devices/mem*/pmem/size /sys/bus/cxl/devices/mem*/ram/size /dev/null`

type Files = ReadonlyMap<string, string>

const ND = '/sys/bus/nd/devices'
const MODES: Readonly<Record<string, GuestPmemRegion['namespaces'][number]['mode']>> = {
  raw: 'raw',
  safe: 'sector',
  memory: 'fsdax',
  dax: 'devdax',
}

/** What the NFIT says, with the region that Linux made of each, and those that were plugged since the NFIT was read. */
export function nvdimmsOf(files: Files, inNfit: readonly GuestNvdimm[]): readonly GuestNvdimm[] {
  const regions = regionsOf(files)
  const regionOf = (handle: number) => regions.find((r) => r.handles.includes(handle))
  const listed = inNfit.map((nvdimm) => joined(nvdimm, regionOf(nvdimm.handle), files))
  const known = new Set(inNfit.map((n) => n.handle))
  const plugged = regions.flatMap(({ region, handles }): readonly GuestNvdimm[] => {
    const [handle] = handles
    if (handle === undefined || known.has(handle)) return []
    const { bytes, node, persistenceDomain } = region
    const nvdimm = {
      handle,
      bytes,
      node,
      persistenceDomain,
      isArmed: !flagsOf(handle, files).includes('not_armed'),
    }
    return [joined(nvdimm, { region, handles }, files)]
  })
  return [...listed, ...plugged].toSorted((a, b) => a.handle - b.handle)
}

function joined(nvdimm: GuestNvdimm, found: Found | undefined, files: Files): GuestNvdimm {
  if (!found) return nvdimm
  return { ...nvdimm, hasLabels: commandsOf(nvdimm.handle, files).includes('set_data'), region: found.region }
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

/** "unknown" is told by the absence of the file. */
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
      return bytes > 0 ? [{ name: folder.slice(ND.length + 1), mode: MODES[mode] ?? 'raw', bytes }] : []
    })
    .toSorted((a, b) => Number(a.name.split('.')[1]) - Number(b.name.split('.')[1]))
}

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
    if (!found) return { address, bytes: null }
    const region = regionOf(found.name, files)
    return { address, bytes: region.bytes, region }
  })
}

export function cxlMemoriesOf(files: Files): readonly GuestCxlMemory[] {
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
