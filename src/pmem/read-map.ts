/** Reads the memory map of this computer, or makes one of a pasted kernel log. Changes nothing. */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { readKernel } from '../host/kernel.ts'
import type { HostReader } from '../steps/host-reader.ts'
import { MiB } from '../units.ts'
import { versionIn } from './kernel-place.ts'
import type { MemoryMap, MemoryParameters, MemoryRange, NodeRange } from './memory-map.ts'
import {
  crashKernelIn,
  type IomemLine,
  kernelIn,
  parseFirmwareEntries,
  parseFirmwareLog,
  parseInitrdLog,
  parseIomem,
  parseSratLog,
  rangesOf,
} from './parse-map.ts'
import { parseParameters } from './parse-parameters.ts'
import { readConfig } from './support.ts'

export const problems = defineDiagnostics({
  PMEM_NO_MEMORY_MAP: {
    title: 'No memory map is available.',
    why: 'without it bringup does not know which memory is RAM',
    remedy: 'run it as root, or give a kernel log with the lines "BIOS-e820:" by --memory-map FILE',
    source: 'Documentation/ABI/testing/sysfs-firmware-memmap',
  },
})

const FIRMWARE = '/sys/firmware/memmap'
const EFI = '/sys/firmware/efi'
const NODES = '/sys/devices/system/node'
const BLOCK_BYTES = '/sys/devices/system/memory/block_size_bytes'
const DEFAULT_SECTION = 128 * MiB

/**
 * The firmware’s map from `/sys/firmware/memmap`, else from the kernel’s log, else what `/proc/iomem` has of it.
 *
 * @throws BringupError PMEM_NO_MEMORY_MAP
 */
export async function readMemoryMap(host: HostReader): Promise<MemoryMap> {
  const iomem = parseIomem(readText(host, '/proc/iomem') ?? '')
  const log = await readKernelLog(host)
  const sources = [firmwareRanges(host), parseFirmwareLog(log), iomem ? rangesOf(iomem) : []]
  const ranges = sources.find((s) => s.length > 0)
  if (!ranges)
    throw new BringupError([
      problems.PMEM_NO_MEMORY_MAP.at('', `neither ${FIRMWARE} nor the kernel’s log has one`),
    ])
  const srat = parseSratLog(log)
  const commandLine = readText(host, '/proc/cmdline') ?? ''
  const config = readConfig(host, readKernel().release)
  return buildMap({
    ...(config === undefined ? {} : { config }),
    ranges,
    iomem,
    log,
    commandLine,
    version: versionIn(readText(host, '/proc/version') ?? ''),
    isEfi: host.stat(EFI) !== undefined,
    sectionBytes: blockBytes(host),
    nodes: srat.length > 0 ? srat : nodeBlocks(host),
  })
}

/**
 * The map that a kernel’s log has. Parameters are those of its line `Command line:`.
 *
 * @throws BringupError PMEM_NO_MEMORY_MAP
 */
export function mapOfLog(log: string): MemoryMap {
  const ranges = parseFirmwareLog(log)
  if (ranges.length === 0)
    throw new BringupError([
      problems.PMEM_NO_MEMORY_MAP.at('', 'the text has no line "BIOS-e820: [mem …] usable"'),
    ])
  const commandLine = /Command line: ([^\r\n]*)/.exec(log)?.[1] ?? ''
  return buildMap({
    ranges,
    iomem: undefined,
    log,
    commandLine,
    version: versionIn(log),
    // The line of the firmware’s tables: `efi: EFI v2.7 by …`.
    isEfi: /\befi: EFI v\d/.test(log),
    sectionBytes: DEFAULT_SECTION,
    nodes: parseSratLog(log),
  })
}

/** The kernel’s log, as far as this user may read it. */
export async function readKernelLog(host: HostReader): Promise<string> {
  for (const argv of [['dmesg'], ['journalctl', '--dmesg', '--boot', '--output=cat', '--no-pager']]) {
    const { stdout, exitCode, isMissing } = await host.ask(argv)
    // A long-running kernel has overwritten its first lines; the journal still has them.
    if (!isMissing && exitCode === 0 && /BIOS-e820|Command line:/.test(stdout)) return stdout
  }
  return ''
}

/**
 * The kernel applies `efi_fake_mem=` after all `memmap=`. Only kernels from 5.5 to 6.10 make RAM soft-reserved by it, if
 * they were started by UEFI and built with EFI_FAKE_MEMMAP, which those of most distributions are not.
 */
function withFakeMemory(
  parameters: MemoryParameters,
  { log, isEfi, version, config }: Pick<MapSources, 'log' | 'isEfi' | 'version' | 'config'>,
): MemoryParameters {
  const [, major, minor] = (/^(\d+)\.(\d+)/.exec(version ?? '') ?? []).map(Number)
  const series = major === undefined || minor === undefined ? undefined : major * 1000 + minor
  const isOfTime = series === undefined || (series >= 5005 && series < 6011)
  const isBuilt = config === undefined || /^CONFIG_EFI_FAKE_MEMMAP=y$/m.test(config)
  const isTold = log.includes('efi_fake_mem: add attr=')
  if (isTold || (isEfi && isOfTime && isBuilt))
    return { ...parameters, memmaps: [...parameters.memmaps, ...parameters.fakeMemory] }
  return { ...parameters, fakeMemory: [] }
}

interface MapSources {
  /** Options that the kernel was built with, where they are known. */
  readonly config?: string
  readonly ranges: readonly MemoryRange[]
  readonly iomem: readonly IomemLine[] | undefined
  readonly log: string
  readonly commandLine: string
  readonly version: string | undefined
  readonly isEfi: boolean
  readonly sectionBytes: number
  readonly nodes: readonly NodeRange[]
}

function buildMap(sources: MapSources): MemoryMap {
  const { ranges, iomem, log, commandLine, version, isEfi, sectionBytes, nodes } = sources
  const kernel = iomem && kernelIn(iomem)
  const initrd = parseInitrdLog(log)
  return {
    ranges,
    nodes: new Set(nodes.map((n) => n.node)).size > 1 ? nodes : [],
    crashKernel: iomem ? crashKernelIn(iomem) : [],
    parameters: withFakeMemory(parseParameters(commandLine), sources),
    sectionBytes,
    isEfi,
    ...(version === undefined ? {} : { version }),
    ...(kernel ? { kernel } : {}),
    ...(initrd ? { initrd } : {}),
  }
}

function firmwareRanges(host: HostReader): readonly MemoryRange[] {
  const entries = (host.list(FIRMWARE) ?? []).map((name) => ({
    start: readText(host, `${FIRMWARE}/${name}/start`) ?? '',
    end: readText(host, `${FIRMWARE}/${name}/end`) ?? '',
    type: readText(host, `${FIRMWARE}/${name}/type`) ?? '',
  }))
  return parseFirmwareEntries(entries.filter((e) => e.start !== '' && e.end !== ''))
}

/** Hexadecimal without 0x. Source: `Documentation/ABI/testing/sysfs-devices-memory`. */
function blockBytes(host: HostReader): number {
  const bytes = Number.parseInt(readText(host, BLOCK_BYTES) ?? '', 16)
  return bytes > 0 ? bytes : DEFAULT_SECTION
}

/** Nodes by their memory blocks; what is no RAM now, as persistent memory, has none. */
function nodeBlocks(host: HostReader): readonly NodeRange[] {
  const bytes = blockBytes(host)
  return (host.list(NODES) ?? [])
    .flatMap((name) => {
      const node = /^node(\d+)$/.exec(name)?.[1]
      const blocks = node === undefined ? [] : (host.list(`${NODES}/${name}`) ?? [])
      return blocks.flatMap((block) => {
        const index = /^memory(\d+)$/.exec(block)?.[1]
        return index === undefined
          ? []
          : [{ node: Number(node), start: Number(index) * bytes, end: (Number(index) + 1) * bytes }]
      })
    })
    .sort((a, b) => a.start - b.start)
}

function readText(host: HostReader, path: string): string | undefined {
  try {
    return host.read(path)?.toString('utf8').trim()
  } catch {
    // Not for this user: as good as not there.
    return undefined
  }
}
