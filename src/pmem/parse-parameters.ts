/** Reads what a kernel’s command line says of memory. Source: `arch/x86/kernel/e820.c`, `lib/cmdline.c` (memparse). */
import type { MemmapParameter, MemoryParameters, PmemRegion } from './memory-map.ts'

const SUFFIXES = 'kmgtpe'
const SIGNS: Readonly<Record<string, MemmapParameter['kind']>> = {
  '!': 'emulated',
  $: 'reserved',
  '@': 'ram',
  '#': 'acpi-data',
}

/** A number as the kernel’s memparse() takes it: decimal, `0x`, octal with a leading 0; K, M, G, T, P, E. */
export function parseKernelBytes(text: string): number | undefined {
  const match = /^(0x[0-9a-f]+|\d+)([kmgtpe]?)$/i.exec(text)
  if (!match) return undefined
  const [, digits = '', suffix = ''] = match
  const isOctal = /^0[0-7]+$/.test(digits)
  const number = isOctal ? Number.parseInt(digits, 8) : Number(digits)
  const bytes = number * 1024 ** (suffix === '' ? 0 : SUFFIXES.indexOf(suffix.toLowerCase()) + 1)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** Words of a command line; double quotes keep spaces, as in `lib/cmdline.c` (next_arg). What follows `--` is init’s. */
export function splitCommandLine(text: string): readonly string[] {
  const words: readonly string[] = text.match(/(?:[^\s"]|"[^"]*"?)+/g) ?? []
  const end = words.indexOf('--')
  return (end === -1 ? words : words.slice(0, end)).map((w) => w.replaceAll('"', ''))
}

export function parseParameters(commandLine: string): MemoryParameters {
  const words = splitCommandLine(commandLine)
  const values = (name: string) =>
    words.filter((w) => w.startsWith(`${name}=`)).map((w) => w.slice(name.length + 1))
  const memmaps = values('memmap').flatMap((value) => value.split(',').map(parseMemmap))
  const limits = [
    ...values('mem').map(parseKernelBytes),
    ...memmaps.filter((m) => m.kind === 'limit').map((m) => m.bytes),
  ].filter((bytes) => bytes !== undefined)
  const crashKernel = values('crashkernel').at(-1)
  return {
    memmaps,
    hasKaslr: !words.includes('nokaslr'),
    ...(limits.length > 0 ? { limitBytes: Math.min(...limits) } : {}),
    ...(crashKernel === undefined ? {} : { crashKernel }),
  }
}

function parseMemmap(text: string): MemmapParameter {
  if (text === 'exactmap') return { text, kind: 'exact' }
  const match = /^([0-9a-fx]+[kmgtpe]?)(?:([!$@#])([0-9a-fx]+[kmgtpe]?))?$/i.exec(text)
  const bytes = parseKernelBytes(match?.[1] ?? '')
  if (!match || bytes === undefined) return { text, kind: 'other' }
  const kind = SIGNS[match[2] ?? '']
  if (kind === undefined) return { text, kind: 'limit', bytes }
  const start = parseKernelBytes(match[3] ?? '')
  return start === undefined ? { text, kind: 'other' } : { text, kind, span: { start, end: start + bytes } }
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
