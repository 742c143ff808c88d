/** Answers that cost time, kept by what they depend on. A file that is broken or missing is an answer not kept. */
import { createHash } from 'node:crypto'
import { readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { writeWhole } from '../own-files.ts'
import { readOnce } from '../read-once.ts'

/** The answer kept under that name, if it can be read. */
export function readKept<T>(folder: string, name: string): T | undefined {
  try {
    return JSON.parse(readFileSync(join(folder, `${name}.json`), 'utf8')) as T
  } catch {
    return undefined
  }
}

/** Keeps an answer, whole or not at all. A cache that cannot be written only costs time, so nothing is thrown. */
export function keep(folder: string, name: string, answer: unknown): void {
  const path = join(folder, `${name}.json`)
  try {
    writeWhole(path, JSON.stringify(answer))
  } catch {
    // It is found out again.
  }
}

/** SHA-256 of a file, itself remembered by the file's identity and times, since hashing QEMU takes 40 ms. */
export function contentOf(path: string, cacheFolder: string): string {
  return readOnce(['content', path, cacheFolder], () => hashed(path, cacheFolder))
}

function hashed(path: string, cacheFolder: string): string {
  const { dev, ino, size, mtimeMs, ctimeMs } = statSync(path)
  const identity = nameOf([path, dev, ino, size, mtimeMs, ctimeMs])
  const known = readKept<unknown>(join(cacheFolder, 'files'), identity)
  if (typeof known === 'string' && /^[0-9a-f]{64}$/.test(known)) return known
  const sha256 = createHash('sha256').update(readFileSync(path)).digest('hex')
  keep(join(cacheFolder, 'files'), identity, sha256)
  return sha256
}

/**
 * A file name for whatever an answer depends on: 128 bits, so that two never meet by chance. Not
 * collision-resistant against an attacker: a user who can write to the cache does not need a collision.
 */
export function nameOf(parts: readonly unknown[]): string {
  const text = JSON.stringify(parts)
  const lanes = [0x6a09e667, 0xbb67ae85, 0x3c6ef372, 0xa54ff53a]
  // As MurmurHash3 mixes: each lane takes every character, turned by its neighbour.
  for (let i = 0; i < text.length; i++) {
    for (let lane = 0; lane < 4; lane++) {
      const next = lanes[(lane + 1) % 4] ?? 0
      lanes[lane] = (next ^ Math.imul((lanes[lane] ?? 0) ^ text.charCodeAt(i), MULTIPLIERS[lane] ?? 0)) >>> 0
    }
  }
  return lanes
    .map((lane) =>
      finish(lane ^ text.length)
        .toString(16)
        .padStart(8, '0'),
    )
    .join('')
}

/** Odd numbers with half of their bits set. */
const MULTIPLIERS = [0x239b961b, 0xab0e9789, 0x38b34ae5, 0xa1e38b93]

function finish(lane: number): number {
  const once = Math.imul(lane ^ (lane >>> 16), 0x85ebca6b)
  const twice = Math.imul(once ^ (once >>> 13), 0xc2b2ae35)
  return (twice ^ (twice >>> 16)) >>> 0
}
