/** Values of one option: pairs, sizes, switches, and what a description cannot express. */
import { formatBytes, MiB, parseBytes } from '../../units.ts'
import { commaParts, isInJson, type QemuOption } from '../qemu-args.ts'
import { lost, type Remark } from './finding.ts'

/** Pairs in their order, repeated keys included; a bare first word has the key `''`. */
export function pairsOf(option: QemuOption): readonly (readonly [string, string])[] {
  if (option.value === undefined || isInJson(option)) return [...option.keys]
  return commaParts(option.value).map((part, place) => {
    const at = part.indexOf('=')
    if (at > 0) return [part.slice(0, at), part.slice(at + 1)]
    return place === 0 ? ['', part] : [part, 'on']
  })
}

/** Where a device is plugged in; bringup and QEMU choose that themselves. */
const PLACES = ['bus', 'addr', 'multifunction', 'acpi-index', 'rombar', 'port']

export interface Fields {
  readonly values: Readonly<Record<string, string>>
  readonly remarks: readonly Remark[]
}

/** Keys of a device; undefined where one is not known, since the device then has to go to QEMU as it is. */
export function fieldsOf(option: QemuOption, known: readonly string[]): Fields | undefined {
  const values: Record<string, string> = {}
  const placed: string[] = []
  for (const [key, value] of pairsOf(option)) {
    if (known.includes(key)) values[key] = value
    else if (PLACES.includes(key)) placed.push(`${key}=${value}`)
    else if (key !== '' && key !== 'driver' && key !== 'qom-type') return undefined
  }
  const words = `${placed.join(',')} of -${option.name} ${option.head ?? ''}`
  return {
    values,
    remarks: placed.length === 0 ? [] : [lost(words, 'bringup and QEMU choose where a device is plugged in')],
  }
}

export const isOn = (text: string | undefined): boolean =>
  text !== undefined && /^(on|yes|true|y)$/.test(text)

const SUFFIXED = /^(\d+(?:\.\d+)?)([bkmgtpe]?)b?$/i
const POWERS = 'bkmgtpe'

/** A size as QEMU reads it; a bare number counts in `unit`. */
export function sizeOf(text: string | undefined, unit = 1): number | undefined {
  const [, number, suffix = ''] = SUFFIXED.exec(text ?? '') ?? []
  if (number === undefined) return parseHex(text)
  const factor = suffix === '' ? unit : 1024 ** POWERS.indexOf(suffix.toLowerCase())
  const bytes = Math.round(Number(number) * factor)
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

function parseHex(text: string | undefined): number | undefined {
  const bytes = /^0x[0-9a-f]+$/i.test(text ?? '') ? Number(text) : undefined
  return Number.isSafeInteger(bytes) ? bytes : undefined
}

export const ramSizeOf = (text: string | undefined) => sizeOf(text, MiB)

/** As a person writes it. */
export const sizeText = (bytes: number): string => formatBytes(bytes)

export const bandwidthOf = (text: string | undefined) => (text === undefined ? undefined : parseBytes(text))

export function numberOf(text: string | undefined): number | undefined {
  return text !== undefined && /^(0x[0-9a-f]+|\d+)$/i.test(text) ? Number(text) : undefined
}

/** A list of CPU or node numbers such as `0-1`, with repeated keys. */
export const listOf = (option: QemuOption, key: string): readonly string[] =>
  pairsOf(option).flatMap(([name, value]) => (name === key ? [value] : []))

/** `0`, `0-1` as numbers; undefined for text that is no such list. */
export function numbersIn(ranges: readonly string[]): readonly number[] | undefined {
  const all = ranges.map((range) => {
    const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(range) ?? []
    if (from === undefined) return undefined
    return Array.from({ length: Math.max(0, Number(to) - Number(from) + 1) }, (_, i) => Number(from) + i)
  })
  return all.every((one) => one !== undefined) ? all.flat() : undefined
}

/** Without keys that are undefined. */
export function compact(keys: Readonly<Record<string, unknown>>): Readonly<Record<string, unknown>> {
  return Object.fromEntries(Object.entries(keys).filter(([, value]) => value !== undefined))
}
