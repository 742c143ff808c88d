/** What is read out of ELF files of 64 bits: libraries that a program needs, what a kernel module says of itself. */
import { bufferSource, type Elf, readElf, readSections, SEGMENT } from '../../../elf.ts'

/** Of a dynamically linked program or library. */
export interface Dynamic {
  readonly interpreter?: string
  readonly needed: readonly string[]
  /** RUNPATH, or RPATH where there is no RUNPATH (ld.so(8)). */
  readonly searchPath: readonly string[]
}

const DT = { needed: 1n, stringTable: 5n, rpath: 15n, runpath: 29n }
/** Programs have some dozens of entries. */
const MAX_ENTRIES = 65_536

function readElf64(file: Buffer): Elf | undefined {
  const elf = readElf(bufferSource(file))
  return elf?.is64 && elf.isLittleEndian ? elf : undefined
}

/** Undefined when the file is no ELF file; empty lists when it is linked statically. */
export function readDynamic(file: Buffer): Dynamic | undefined {
  const elf = readElf64(file)
  if (!elf) return undefined
  const { segments } = elf
  const interpreter = segments.find((s) => s.type === SEGMENT.interpreter)
  const entries = dynamicEntries(file, segments)
  const table = entries.find(([tag]) => tag === DT.stringTable)?.[1] ?? 0n
  const load = segments.find(
    (s) => s.type === SEGMENT.load && table >= s.address && table < s.address + BigInt(s.fileBytes),
  )
  const strings = load ? load.offset + Number(table - load.address) : 0
  const all = (wanted: bigint) =>
    entries.filter(([tag]) => tag === wanted).map(([, value]) => textAt(file, strings + Number(value)))
  const runpath = all(DT.runpath)
  return {
    ...(interpreter ? { interpreter: textAt(file, interpreter.offset) } : {}),
    needed: all(DT.needed),
    searchPath: (runpath.length > 0 ? runpath : all(DT.rpath))
      .flatMap((path) => path.split(':'))
      .filter(Boolean),
  }
}

function dynamicEntries(
  file: Buffer,
  segments: Elf['segments'],
): readonly (readonly [tag: bigint, value: bigint])[] {
  const dynamic = segments.find((s) => s.type === SEGMENT.dynamic)
  if (!dynamic) return []
  const table = file.subarray(dynamic.offset, dynamic.offset + dynamic.fileBytes)
  const count = Math.min(Math.floor(table.length / 16), MAX_ENTRIES)
  return Array.from({ length: count }, (_, i) => [
    table.readBigInt64LE(16 * i),
    table.readBigUInt64LE(16 * i + 8),
  ])
}

/** Up to the zero that ends it; empty where the file ends before. */
function textAt(file: Buffer, offset: number): string {
  const end = offset < file.length ? file.indexOf(0, offset) : -1
  return end === -1 ? '' : file.toString('utf8', offset, end)
}

/** The bytes of a section, such as `.modinfo`. */
export function sectionOf(file: Buffer, name: string): Buffer | undefined {
  if (!readElf64(file)) return undefined
  const { sections, names } = readSections(bufferSource(file))
  const namesAt = sections[names]?.offset
  if (namesAt === undefined) return undefined
  const section = sections.find((s) => textAt(file, namesAt + s.nameAt) === name)
  return section && file.subarray(section.offset, section.offset + section.bytes)
}
