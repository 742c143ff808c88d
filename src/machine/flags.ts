/** Descriptions in pieces: a device's short form on the command line, and one description laid over another. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { nearest } from '../nearest.ts'
import type { DeviceConfig, MachineInput } from './machine-schema.ts'

export const problems = defineDiagnostics({
  FLAG_UNKNOWN_KEY: {
    title: 'The short form of a device has an unknown key.',
    why: 'ignoring a misspelt key would give a different device',
    remedy: 'use one of the keys in the message',
  },
  FLAG_MALFORMED: {
    title: 'The short form of a device is malformed.',
    why: 'it is `value,key=value,…`; a comma within a value is doubled, or the value is put in double quotes',
    remedy: 'see `bringup run --help` for an example',
  },
  FLAG_KEY_TWICE: {
    title: 'The short form of a device has a key twice.',
    why: 'only one of the two can apply',
    remedy: 'remove one of them',
  },
})

/** What reading the short form needs of a device. */
export interface FlagDevice {
  readonly kind: string
  readonly schema: unknown
  readonly flag?: {
    readonly name: string
    readonly first: string
    readonly example: string
    readonly help: string
    readonly readFirst?: (text: string) => Readonly<Record<string, string>>
    readonly words?: Readonly<Record<string, Readonly<Record<string, string>>>>
  }
}

type DeviceInput = NonNullable<MachineInput['devices']>[number]

/**
 * Reads `256M,node=1,share=off`. Values are typed as they look: `on`, `off`, `yes`, `no`, `true` and `false` are
 * switches, whole numbers are numbers unless quoted, the rest is text. A key alone is a switch that is on.
 */
export function parseDeviceFlag(
  device: FlagDevice,
  text: string,
): { readonly device?: DeviceInput; readonly diagnostics: readonly Diagnostic[] } {
  const at = `--${device.flag?.name ?? device.kind}`
  const pieces = splitFlag(text)
  if (!pieces)
    return {
      diagnostics: [problems.FLAG_MALFORMED.at(at, `a quote in ${JSON.stringify(text)} is not closed`)],
    }
  const known = keysOf(device.schema)
  const found: Diagnostic[] = []
  const values: Record<string, unknown> = {}
  pieces.forEach((piece, index) => {
    const equals = piece.text.indexOf('=')
    const isBare = equals === -1
    const isFirst =
      isBare &&
      index === 0 &&
      !(
        known.includes(piece.text) &&
        piece.text !== device.flag?.first &&
        isSwitch(device.schema, piece.text)
      )
    const word =
      isBare && !isFirst && !known.includes(piece.text) ? device.flag?.words?.[piece.text] : undefined
    const meant = isFirst ? device.flag?.readFirst?.(piece.text) : word
    if (meant) {
      const twice = Object.keys(meant).filter((key) => Object.hasOwn(values, key))
      found.push(
        ...twice.map((key) =>
          problems.FLAG_KEY_TWICE.at(at, `"${key}" stands twice in ${JSON.stringify(text)}`),
        ),
      )
      Object.assign(values, meant)
      return
    }
    const key = isFirst ? (device.flag?.first ?? '') : isBare ? piece.text : piece.text.slice(0, equals)
    if (!known.includes(key)) {
      const near = nearest(key, known)
      found.push(
        problems.FLAG_UNKNOWN_KEY.at(at, `"${key}" in ${JSON.stringify(text)} is not known`, {
          remedy: `${near === undefined ? '' : `did you mean "${near}"? `}The keys are: ${known.join(', ')}`,
        }),
      )
    } else if (Object.hasOwn(values, key))
      found.push(problems.FLAG_KEY_TWICE.at(at, `"${key}" stands twice in ${JSON.stringify(text)}`))
    else
      values[key] = isFirst
        ? typed(piece.text, piece.isQuoted)
        : isBare
          ? true
          : typed(piece.text.slice(equals + 1), piece.isQuoted)
  })
  if (found.length > 0) return { diagnostics: found }
  return { device: { kind: device.kind, ...values } as DeviceInput, diagnostics: [] }
}

interface Piece {
  readonly text: string
  readonly isQuoted: boolean
}

/** Splits at single commas. Doubled commas and commas in double quotes belong to the value. */
function splitFlag(text: string): readonly Piece[] | undefined {
  const pieces: Piece[] = []
  let current = ''
  let isQuoted = false
  let isOpen = false
  for (let i = 0; i < text.length; i++) {
    const char = text[i]
    const startsValue = current === '' || current.indexOf('=') === current.length - 1
    if (char === '"' && (isOpen || startsValue)) {
      isOpen = !isOpen
      isQuoted = true
    } else if (char === ',' && !isOpen && text[i + 1] === ',') {
      current += ','
      i++
    } else if (char === ',' && !isOpen) {
      pieces.push({ text: current, isQuoted })
      current = ''
      isQuoted = false
    } else current += char
  }
  return isOpen ? undefined : [...pieces, { text: current, isQuoted }]
}

const SWITCHES: Readonly<Record<string, boolean>> = {
  on: true,
  off: false,
  yes: true,
  no: false,
  true: true,
  false: false,
}

function typed(text: string, isQuoted: boolean): string | number | boolean {
  if (isQuoted) return text
  if (Object.hasOwn(SWITCHES, text)) return SWITCHES[text] ?? text
  return /^\d{1,15}$/.test(text) ? Number(text) : text
}

interface Shaped {
  readonly shape?: Readonly<Record<string, unknown>>
  readonly in?: unknown
  readonly def?: {
    readonly innerType?: unknown
    readonly type?: string
    readonly in?: unknown
    readonly getter?: () => unknown
  }
}

/** The keys of a device's schema, `kind` left out; laziness and a transformation on top are looked through. */
function keysOf(schema: unknown): readonly string[] {
  return Object.keys(shapeOf(schema)).filter((key) => key !== 'kind')
}

function shapeOf(schema: unknown): Readonly<Record<string, unknown>> {
  const { shape, def } = schema as Shaped
  const inner = def?.in ?? def?.getter?.()
  return shape ?? (inner ? shapeOf(inner) : {})
}

function isSwitch(schema: unknown, key: string): boolean {
  const type = (value: unknown): string | undefined => {
    const { def } = (value ?? {}) as Shaped
    const inner = def?.innerType ?? def?.getter?.()
    return inner === undefined ? def?.type : type(inner)
  }
  return type(shapeOf(schema)[key]) === 'boolean'
}

/** What a bare value of a section means, so that two spellings can be laid over one another. */
const SHORTHAND: Readonly<Record<string, (value: unknown) => unknown>> = {
  cpu: (value) => (typeof value === 'number' ? { count: value } : value),
  memory: (value) => (typeof value === 'number' || typeof value === 'string' ? { size: value } : value),
  numa: (value) => (typeof value === 'number' ? { nodes: value } : value),
  console: (value) => (typeof value === 'string' ? { type: value } : value),
  debugExit: (value) => value,
}

/** A section of a description in its long form. */
export function normalSection(key: string, value: unknown): unknown {
  return Object.hasOwn(SHORTHAND, key) ? SHORTHAND[key]?.(value) : value
}

const isRecord = (value: unknown): value is Record<string, unknown> =>
  typeof value === 'object' && value !== null && !Array.isArray(value)

/**
 * Lays `patch` over `base`. Sections are merged key by key; a device with the id of one in `base` is merged into it
 * (replaces it if its kind differs), the others are added; `qemuArgs` are added; everything else is replaced.
 */
export function mergeMachine(base: MachineInput, patch: MachineInput): MachineInput {
  const merged: Record<string, unknown> = { ...base }
  for (const [key, value] of Object.entries(patch)) {
    if (value === undefined) continue
    const before = (base as Readonly<Record<string, unknown>>)[key]
    merged[key] = before === undefined ? value : mergeKey(key, before, value)
  }
  return merged as MachineInput
}

function mergeKey(key: string, before: unknown, value: unknown): unknown {
  if (key === 'devices')
    return mergeDevices(before as readonly DeviceConfig[], value as readonly DeviceConfig[])
  if (key === 'kernelReports' && isRecord(before) && isRecord(value))
    return {
      allow: [
        ...((before.allow as readonly string[] | undefined) ?? []),
        ...((value.allow as readonly string[] | undefined) ?? []),
      ],
    }
  if (key === 'qemuArgs') return [...(before as readonly string[]), ...(value as readonly string[])]
  const [lower, upper] = [normalSection(key, before), normalSection(key, value)]
  return isRecord(lower) && isRecord(upper) ? mergeRecords(lower, upper) : value
}

function mergeRecords(lower: Readonly<Record<string, unknown>>, upper: Readonly<Record<string, unknown>>) {
  return { ...lower, ...Object.fromEntries(Object.entries(upper).filter(([, value]) => value !== undefined)) }
}

function mergeDevices(base: readonly DeviceConfig[], patch: readonly DeviceConfig[]): readonly unknown[] {
  const byId = (id: string | undefined) => (id === undefined ? undefined : patch.findLast((d) => d.id === id))
  const kept = base.map((device) => {
    const over = byId(device.id)
    if (!over) return device
    return over.kind === device.kind ? mergeRecords({ ...device }, { ...over }) : over
  })
  const ids = new Set(base.flatMap((d) => d.id ?? []))
  return [...kept, ...patch.filter((d) => d.id === undefined || !ids.has(d.id))]
}
