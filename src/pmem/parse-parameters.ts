/** What a kernel’s command line says of memory. Pure. Source: `arch/x86/kernel/e820.c`, parse_memmap_one(), parse_memopt(). */
import { kindOfType } from './e820-types.ts'
import { type KernelArgument, memparse, parseArguments, parseUnsigned } from './kernel-arguments.ts'
import { MAX_AVOIDED } from './kernel-place.ts'
import type { MemmapParameter, MemoryParameters, PmemRegion, RangeKind, Span } from './memory-map.ts'

const SIGNS: Readonly<Record<string, RangeKind>> = {
  '!': 'emulated',
  $: 'reserved',
  '@': 'ram',
  '#': 'acpi-data',
}

/** A whole text that is one number to the kernel: `4G`, `0x100000000`, `040000000000`; undefined for anything else. */
export function parseKernelBytes(text: string): number | undefined {
  const { value, rest } = memparse(text)
  const isRead = rest === '' && /^\d/.test(text)
  return isRead && value <= BigInt(Number.MAX_SAFE_INTEGER) ? Number(value) : undefined
}

export function parseParameters(commandLine: string): MemoryParameters {
  const found = parseArguments(commandLine)
  const crashKernel = found.findLast((a) => a.name === 'crashkernel')?.value
  return {
    memmaps: found.flatMap(memmapsOf),
    fakeMemory: readFakeMemory(found),
    // The kernel’s early code looks for this word by itself, without regard to quotes and `--`.
    hasKaslr: !commandLine.split(/\s+/).includes('nokaslr'),
    avoided: countAvoided(found),
    ...(crashKernel === undefined ? {} : { crashKernel }),
  }
}

/** `!`, `$` and `#` count, with an address that is not 0; reading a parameter ends at the first part that is no size. */
function countAvoided(found: readonly KernelArgument[]): number | 'given-up' {
  let count = 0
  for (const { name, value } of found) {
    if (name !== 'memmap' || value === undefined || count === MAX_AVOIDED) continue
    const parts = value.split(',').map(readMemmap)
    const end = parts.findIndex((p) => p.kind === 'exact' || p.kind === 'ignored')
    const read = (end === -1 ? parts : parts.slice(0, end)).map(isAvoided)
    const last = nthTrue(read, MAX_AVOIDED - count)
    if (last !== -1 && last < parts.length - 1) return 'given-up'
    count += read.filter(Boolean).length
  }
  return count
}

function isAvoided({ word, span }: MemmapParameter): boolean {
  return span !== undefined && span.start !== 0 && /^memmap=\w+[!$#]/.test(word)
}

/** Index of the nth true value; -1 where there are fewer. */
function nthTrue(values: readonly boolean[], n: number): number {
  let left = n
  return values.findIndex((value) => value && --left === 0)
}

function memmapsOf({ name, value }: KernelArgument): readonly MemmapParameter[] {
  if (value === undefined) return []
  if (name === 'mem') return [readMem(value)]
  return name === 'memmap' ? value.split(',').map(readMemmap) : []
}

function readMem(value: string): MemmapParameter {
  const word = `mem=${value}`
  const bytes = memparse(value).value
  // `mem=nopentium` is for 32 bits; 0 would remove all memory, so that the kernel passes over it.
  return value === 'nopentium' || bytes === 0n
    ? { word, kind: 'ignored' }
    : { word, kind: 'limit', bytes: toNumber(bytes) }
}

function readMemmap(text: string): MemmapParameter {
  const word = `memmap=${text}`
  if (text.startsWith('exactmap')) return { word, kind: 'exact' }
  const { value: bytes, rest } = memparse(text)
  if (rest === text) return { word, kind: 'ignored' }
  if (rest.startsWith('%')) return readChange(word, bytes, rest.slice(1))
  const kind = SIGNS[rest.charAt(0)]
  // Without a sign that the kernel knows, text after the size is ignored: `memmap=4G\!12G` is `memmap=4G`.
  if (kind === undefined) return { word, kind: 'limit', bytes: toNumber(bytes) }
  return { word, kind, span: spanOf(memparse(rest.slice(1)).value, bytes) }
}

/** `size%start-from+to`, with the types of the firmware’s map; the kernel wants nothing behind it. */
function readChange(word: string, bytes: bigint, text: string): MemmapParameter {
  const { value: start, rest: afterStart } = memparse(text)
  const from = afterStart.startsWith('-')
    ? parseUnsigned(afterStart.slice(1))
    : { value: 0n, rest: afterStart }
  const to = from.rest.startsWith('+') ? parseUnsigned(from.rest.slice(1)) : { value: 0n, rest: from.rest }
  if (to.rest !== '') return { word, kind: 'ignored' }
  const [fromType, toType] = [from.value, to.value].map((type) => Number(BigInt.asUintN(32, type)))
  return {
    word,
    kind: toType ? kindOfType(toType) : 'removed',
    span: spanOf(start, bytes),
    ...(fromType ? { from: fromType } : {}),
    ...(toType ? { to: toType } : {}),
  }
}

/** Past 2⁵³ a number is not exact; no computer has memory there. */
const toNumber = (value: bigint) => Number(value)

function spanOf(start: bigint, bytes: bigint): Span {
  return { start: toNumber(start), end: toNumber(start + bytes) }
}

/** `CONFIG_EFI_MAX_FAKE_MEM` unless it was changed. */
const MAX_FAKE = 8
const EFI_MEMORY_SP = 0x40000n
const RAM_TYPE = 1

/**
 * `efi_fake_mem=size@start:attribute,…`: what has the attribute EFI_MEMORY_SP becomes soft-reserved, if it is RAM; other
 * attributes leave RAM what it is. Reading a parameter ends at the first part that the kernel does not understand.
 * Source: `arch/x86/platform/efi/fake_mem.c`, setup_fake_mem() and efi_fake_memmap_early().
 */
function readFakeMemory(found: readonly KernelArgument[]): readonly MemmapParameter[] {
  const isOff = found.some(({ name, value }) => name === 'efi' && value?.split(',').includes('nosoftreserve'))
  // Names of early parameters match with `-` for `_`.
  const values = found.flatMap(({ name, value }) =>
    name.replaceAll('-', '_') === 'efi_fake_mem' && value !== undefined ? [value] : [],
  )
  const all = values.flatMap(readFakes).slice(0, MAX_FAKE)
  return isOff
    ? []
    : all.flatMap(({ attribute, ...parameter }) => (attribute & EFI_MEMORY_SP ? [parameter] : []))
}

function readFakes(value: string): readonly (MemmapParameter & { readonly attribute: bigint })[] {
  const fakes: (MemmapParameter & { readonly attribute: bigint })[] = []
  for (let text = value; text !== ''; ) {
    const size = memparse(text)
    if (!size.rest.startsWith('@')) break
    const start = memparse(size.rest.slice(1))
    if (!start.rest.startsWith(':')) break
    const attribute = parseUnsigned(start.rest.slice(1))
    const word = `efi_fake_mem=${text.slice(0, text.length - attribute.rest.length)}`
    const span = spanOf(start.value, size.value)
    fakes.push({ word, kind: 'soft-reserved', span, from: RAM_TYPE, attribute: attribute.value })
    text = attribute.rest.replace(/^,/, '')
  }
  return fakes
}

const UNITS = ['G', 'M', 'K'] as const

/** `memmap=16G!4G`, in the largest units that are exact. */
export function memmapWord({ bytes, start }: PmemRegion): string {
  return `memmap=${kernelBytes(bytes)}!${kernelBytes(start)}`
}

function kernelBytes(bytes: number): string {
  const index = UNITS.findIndex((_, i) => bytes > 0 && bytes % 1024 ** (3 - i) === 0)
  return index === -1 ? `${bytes}` : `${bytes / 1024 ** (3 - index)}${UNITS[index]}`
}
