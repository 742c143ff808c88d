/** Sizes and times as people write them; bytes and milliseconds inside. */
import * as z from 'zod'

export const KiB = 1024
export const MiB = 1024 * KiB
export const GiB = 1024 * MiB
export const TiB = 1024 * GiB

const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(?:([kmgt])(?:i?b)?|b)?\s*$/i
const FACTOR: Record<string, number> = { k: KiB, m: MiB, g: GiB, t: TiB }

/** Parses `"512M"`, `"1.5GiB"`, `"4096"`. Suffixes are powers of 1024, as QEMU's are. Undefined when it is no size. */
export function parseBytes(text: string): number | undefined {
  const match = SIZE.exec(text)
  if (!match) return undefined
  const bytes = Number(match[1]) * (FACTOR[match[2]?.toLowerCase() ?? ''] ?? 1)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

/** The shortest exact form with a suffix: 536870912 is `512M`; 1000001 stays `1000001`. Parses back to the same number. */
export function formatBytes(bytes: number): string {
  for (const [suffix, factor] of [
    ['T', TiB],
    ['G', GiB],
    ['M', MiB],
    ['K', KiB],
  ] as const) {
    if (bytes >= factor && bytes % factor === 0) return `${bytes / factor}${suffix}`
  }
  return `${bytes}`
}

/** For people: `256M`, or one decimal where it is not round: 268042240 is `255.6M`. Not exact: never compare it. */
export function formatRoundBytes(bytes: number): string {
  const exact = formatBytes(bytes)
  if (/^\d{1,4}[KMGT]?$/.test(exact)) return exact
  const [suffix, factor] = (
    [
      ['T', TiB],
      ['G', GiB],
      ['M', MiB],
      ['K', KiB],
    ] as const
  ).find(([, f]) => bytes >= f) ?? ['', 1]
  return `${(bytes / factor).toFixed(1).replace(/\.0$/, '')}${suffix}`
}

/** A text that is a size of five digits or more as people write it; any other text as it is. Not exact. */
export function roundSize(text: string): string {
  const bytes = /^\d{5,}[KMG]?$/.test(text) ? parseBytes(text) : undefined
  return bytes === undefined ? text : formatRoundBytes(bytes)
}

/** For people: `850 ms`, `11.6 s`, `4 min 12 s`. */
export function formatMs(ms: number): string {
  if (ms < 1000) return `${Math.round(ms)} ms`
  if (ms < 59_950) return `${(ms / 1000).toFixed(1)} s`
  const seconds = Math.round(ms / 1000)
  const [minutes, rest] = [Math.floor(seconds / 60), seconds % 60]
  if (minutes < 60) return rest === 0 ? `${minutes} min` : `${minutes} min ${rest} s`
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`
}

/** A size in a description: bytes as a number, or text with a suffix (K, M, G, T; powers of 1024). */
export const zBytes = z.lazy(() =>
  z
    .union([z.int().nonnegative(), z.string()])
    .transform((value, context) => {
      const bytes = typeof value === 'number' ? value : parseBytes(value)
      if (bytes !== undefined) return bytes
      context.addIssue({
        code: 'custom',
        message: `"${value}" is not a size; write bytes, or a number with K, M, G or T, such as "512M"`,
      })
      return z.NEVER
    })
    .meta({ description: 'Bytes, or a number with K, M, G or T (powers of 1024): "512M".' }),
)

const DURATION = /^\s*(\d+(?:\.\d+)?)\s*(ms|s|m|min|h)?\s*$/i
const MILLISECONDS: Record<string, number> = { ms: 1, s: 1000, m: 60_000, min: 60_000, h: 3_600_000 }

/** Parses `"30s"`, `"1.5m"`, `"500ms"`; a bare number is seconds. */
export function parseDurationMs(text: string): number | undefined {
  const match = DURATION.exec(text)
  if (!match) return undefined
  return Math.round(Number(match[1]) * (MILLISECONDS[match[2]?.toLowerCase() ?? 's'] ?? 1000))
}

/** A time in a description: seconds as a number, or text with ms, s, m or h. Milliseconds inside. */
export const zDuration = z.lazy(() =>
  z
    .union([z.number().positive(), z.string()])
    .transform((value, context) => {
      const ms = parseDurationMs(`${value}`)
      if (ms !== undefined && ms > 0) return ms
      context.addIssue({
        code: 'custom',
        message: `"${value}" is not a time; write seconds, or a number with ms, s, m or h, such as "30s"`,
      })
      return z.NEVER
    })
    .meta({ description: 'Seconds, or a number with ms, s, m or h: "30s".' }),
)
