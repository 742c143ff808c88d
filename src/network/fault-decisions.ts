/**
 * What happens to the n-th frame of a flow. A decision follows from the seed, the flow (who sends, who receives, which
 * protocol) and the frame's number in it, and from nothing else: neither time nor other traffic moves it.
 */
import type { Fault } from './fault-schema.ts'
import { namesOfTraffic } from './frame.ts'

/** What is to be done with one frame on its way to one port. */
export interface Fate {
  readonly isLost: boolean
  /** Which bit is flipped, as a share of the frame's length. */
  readonly corruptAt?: number
  readonly isDuplicated: boolean
  readonly isReordered: boolean
  readonly delayMs: number
  /** Bits per second. */
  readonly rate?: number
}

/** A frame's way: names of ports, and of the guests that they belong to. */
export interface Way {
  readonly from: Station
  readonly to: Station
}

/** What a fault can name. */
export interface Station {
  /** Of the port. */
  readonly name: string
  /** Of the guest, or other machine, behind it. */
  readonly guest: string
}

/** Whether a name means this port: by itself, or by its guest. */
export function isNamed(name: string, station: Station): boolean {
  return name === station.name || name === station.guest
}

/** Whether a fault concerns frames on this way, of any traffic. */
export function concerns({ between, from, to }: Fault, way: Way): boolean {
  const among = (names: readonly string[], station: Station) => names.some((name) => isNamed(name, station))
  if (between !== undefined && !(among(between, way.from) && among(between, way.to))) return false
  if (from !== undefined && !isNamed(from, way.from)) return false
  return to === undefined || isNamed(to, way.to)
}

/** Whether a fault concerns this kind of traffic. */
export function concernsTraffic({ traffic }: Fault, kind: number): boolean {
  if (traffic === undefined) return true
  const names: readonly string[] = namesOfTraffic(kind)
  return traffic.some((name) => names.includes(name))
}

/** The number from which all decisions for a flow follow. */
export function flowSeed(seed: number, { from, to }: Way, traffic: number): number {
  let hash = 0x811c_9dc5
  for (const byte of Buffer.from(`${seed}\0${from.name}\0${to.name}\0${traffic}`))
    hash = Math.imul(hash ^ byte, 0x0100_0193)
  return mix(hash)
}

/** One decision each, which must not depend on each other. */
const DRAW = { loss: 1, jitter: 2, duplicate: 3, reorder: 4, corrupt: 5, place: 6 } as const

/** What one fault does to frame `index` of a flow. */
export function fateOf(fault: Fault, seed: number, index: number): Fate {
  const draw = (what: keyof typeof DRAW) => chance(seed, index, DRAW[what])
  const happens = (share: number | undefined, what: keyof typeof DRAW) =>
    share !== undefined && draw(what) < share
  const { loss, delay = 0, jitter = 0, duplicate, reorder, corrupt, rate } = fault
  return {
    isLost: happens(loss, 'loss'),
    isDuplicated: happens(duplicate, 'duplicate'),
    isReordered: happens(reorder, 'reorder'),
    delayMs: jitter === 0 ? delay : Math.max(0, delay + (2 * draw('jitter') - 1) * jitter),
    ...(happens(corrupt, 'corrupt') ? { corruptAt: draw('place') } : {}),
    ...(rate === undefined ? {} : { rate }),
  }
}

/** Several faults at once: each does what it would do alone; delays add up, and the slowest rate counts. */
export function combine(fates: readonly Fate[]): Fate {
  const places = fates.flatMap(({ corruptAt }) => corruptAt ?? [])
  const rates = fates.flatMap(({ rate }) => rate ?? [])
  return {
    isLost: fates.some((fate) => fate.isLost),
    isDuplicated: fates.some((fate) => fate.isDuplicated),
    isReordered: fates.some((fate) => fate.isReordered),
    delayMs: fates.reduce((sum, { delayMs }) => sum + delayMs, 0),
    ...(places[0] === undefined ? {} : { corruptAt: places[0] }),
    ...(rates.length === 0 ? {} : { rate: Math.min(...rates) }),
  }
}

/** A number from 0 to less than 1. */
export function chance(seed: number, index: number, draw: number): number {
  return mix(mix(seed ^ Math.imul(index, 0x9e37_79b1)) ^ Math.imul(draw, 0x85eb_ca77)) / 2 ** 32
}

/** The finaliser of MurmurHash3: every bit of the input moves every bit of the output. */
function mix(value: number): number {
  let hash = value
  hash = Math.imul(hash ^ (hash >>> 16), 0x85eb_ca6b)
  hash = Math.imul(hash ^ (hash >>> 13), 0xc2b2_ae35)
  return (hash ^ (hash >>> 16)) >>> 0
}
