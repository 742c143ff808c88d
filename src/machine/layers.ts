/** Descriptions laid over one another, and which of them says what: findings name what the user wrote. Pure. */
import type { Diagnostic } from '../diagnostics.ts'
import { mergeMachine, normalSection } from './flags.ts'
import type { MachineInput } from './machine-schema.ts'

type Path = readonly PropertyKey[]

/** One description of several, the lowest first. */
export interface Layer {
  readonly machine: MachineInput
  /** What stands for a path of this description: `--memory`, `machines.big.devices[0].node`, `profile linux`. */
  readonly place: (path: Path) => string
  /** False for what no user has written: defaults, and what a profile adds. */
  readonly isWritten: boolean
}

/** All of them laid over one another. */
export function mergeLayers(layers: readonly Layer[]): MachineInput {
  return layers.reduce<MachineInput>((machine, layer) => mergeMachine(machine, layer.machine), {})
}

/** The finding as the user can follow it: its path, and paths in its words, name what was written. */
export function asWritten(diagnostic: Diagnostic, layers: readonly Layer[]): Diagnostic {
  const { path, what, why, remedy } = diagnostic
  const place = path === '' ? '' : (placeOf(parsePath(path), layers) ?? path)
  const words = (text: string) => nameWritten(text, layers)
  // The place is said beside the finding; words that begin with the path begin with what was written instead.
  const rest = path !== '' && what.startsWith(`${path}: `) ? what.slice(path.length) : undefined
  return {
    ...diagnostic,
    path: place,
    what: rest === undefined ? words(what) : `${place}${words(rest)}`,
    why: words(why),
    remedy: words(remedy),
  }
}

/** Devices by their number in the whole machine, and keys that a flag said. */
function nameWritten(text: string, layers: readonly Layer[]): string {
  return text
    .replace(/\bdevices\[\d+\](?:\.\w+)*/g, (path) => placeOf(parsePath(path), layers) ?? path)
    .replace(/\b(?:memory|cpu|numa|boot)\.[a-zA-Z]+/g, (path) => {
      const place = placeOf(parsePath(path), layers, { isExact: true })
      return place?.startsWith('--') ? place : path
    })
}

/** `devices[1].node` and `machines["a b"]` as keys. */
export function parsePath(path: string): Path {
  return [...path.matchAll(/\[(\d+)\]|\["([^"]*)"\]|([^.[\]]+)/g)].map(([, index, quoted, key]) =>
    index === undefined ? (quoted ?? key ?? '') : Number(index),
  )
}

interface Source {
  readonly layer: Layer
  /** The path in that layer. */
  readonly path: Path
}

/** What the user wrote at a path of the merged machine; undefined where no layer says anything of it. */
function placeOf(
  path: Path,
  layers: readonly Layer[],
  { isExact = false }: { readonly isExact?: boolean } = {},
): string | undefined {
  const sources = sourcesOf(path, layers)
  const isDevice = path[0] === 'devices' || path[0] === 'qemuArgs'
  const depths = sources.map((source) => {
    const depth = depthOf(source)
    // A default of another key of the section has nothing to do with it.
    return source.layer.isWritten || isDevice || depth === path.length ? depth : 0
  })
  const deepest = Math.max(0, ...depths)
  if (deepest === 0 || (isExact && deepest < path.length)) return homeOf(path, layers, isExact)
  // Of those that say as much, the topmost counts.
  const { layer, path: own } = sources[depths.lastIndexOf(deepest)] as Source
  return layer.place(shortened(layer.machine, own))
}

/** For a value that was not written, the finding is about what could be written in the topmost description. */
function homeOf(path: Path, layers: readonly Layer[], isExact: boolean): string | undefined {
  if (isExact) return undefined
  const written = layers.filter((layer) => layer.isWritten)
  return (written.findLast(({ place }) => !place([]).startsWith('--')) ?? written.at(-1))?.place(path)
}

function sourcesOf(path: Path, layers: readonly Layer[]): readonly Source[] {
  const [key, index, ...rest] = path
  if (key === 'devices' && typeof index === 'number') return deviceSources(layers)[index]?.map(at(rest)) ?? []
  if (key === 'qemuArgs' && typeof index === 'number') return argSource(layers, index)
  return layers.map((layer) => ({ layer, path }))
}

const at =
  (rest: Path) =>
  ({ layer, path }: Source): Source => ({ layer, path: [...path, ...rest] })

/** All findings of a machine are about the same layers. */
const sourcesKnown = new WeakMap<readonly Layer[], readonly (readonly Source[])[]>()

function deviceSources(layers: readonly Layer[]): readonly (readonly Source[])[] {
  const sources = sourcesKnown.get(layers) ?? findDeviceSources(layers)
  sourcesKnown.set(layers, sources)
  return sources
}

/** For each device of the merged machine, the layers that describe it: as `mergeMachine` lays them. */
function findDeviceSources(layers: readonly Layer[]): readonly (readonly Source[])[] {
  const merged: { id: string | undefined; sources: Source[] }[] = []
  for (const layer of layers) {
    const below = new Map(merged.flatMap((entry) => (entry.id === undefined ? [] : [[entry.id, entry]])))
    ;(layer.machine.devices ?? []).forEach((device, index) => {
      const source = { layer, path: ['devices', index] }
      const under = device.id === undefined ? undefined : below.get(device.id)
      if (under) under.sources.push(source)
      else merged.push({ id: device.id, sources: [source] })
    })
  }
  return merged.map((entry) => entry.sources)
}

function argSource(layers: readonly Layer[], index: number): readonly Source[] {
  let left = index
  for (const layer of layers) {
    const count = layer.machine.qemuArgs?.length ?? 0
    if (left < count) return [{ layer, path: ['qemuArgs', left] }]
    left -= count
  }
  return []
}

/** How many keys of the path are said; a bare value of a section says the key that it stands for. */
function depthOf({ layer, path }: Source): number {
  const [section = '', ...rest] = path
  const value = (layer.machine as Readonly<Record<PropertyKey, unknown>>)[section]
  if (value === undefined) return 0
  let at: unknown = normalSection(String(section), value)
  let depth = 1
  for (const key of rest) {
    if (typeof at !== 'object' || at === null) break
    at = (at as Readonly<Record<PropertyKey, unknown>>)[key]
    if (at === undefined) break
    depth += 1
  }
  return depth
}

/** Without the keys below a bare value: of `numa: 2` nothing but `numa` was written. */
function shortened(machine: MachineInput, path: Path): Path {
  let at: unknown = machine
  for (const [index, key] of path.entries()) {
    at = (at as Readonly<Record<PropertyKey, unknown>>)[key]
    if (typeof at !== 'object' || at === null) return at === undefined ? path : path.slice(0, index + 1)
  }
  return path
}
