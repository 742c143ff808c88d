/** QEMU's memory arguments for guests to be saved and guests to be restored. Pure. */
import type { Argument } from '../machine/device.ts'

/** A block of guest RAM, by the id of its backend. */
export interface RamBlock {
  readonly id: string
  readonly bytes: number
}

/** RAM in anonymous memory or in a memory file of QEMU's own, which bringup may keep elsewhere. */
const PLAIN = /^memory-backend-(?:ram|memfd),id=([^,]+),size=(\d+)(?!.*,(?:hugetlb|share)=on)/

/** Backend of a machine whose RAM has none otherwise. */
const ONLY_BLOCK = 'ram'

/** The blocks of RAM that a state holds, in the order in which QEMU makes them. */
export function ramBlocks(args: readonly Argument[]): readonly RamBlock[] {
  return args.flatMap(([flag, value]) => {
    const [, id, bytes] = (flag === '-object' && value !== undefined && PLAIN.exec(value)) || []
    return id === undefined ? [] : [{ id, bytes: Number(bytes) }]
  })
}

/**
 * All RAM in backends of its own. A machine without NUMA nodes has its RAM in none.
 *
 * @param ramBytes RAM at boot
 */
export function withBackends(args: readonly Argument[], ramBytes: number): readonly Argument[] {
  const hasBackend = args.some(
    ([flag, value]) =>
      (flag === '-numa' && value?.includes('memdev=')) ||
      (flag === '-machine' && value?.includes('memory-backend=')),
  )
  if (hasBackend) return args
  return args.flatMap((arg): readonly Argument[] =>
    arg[0] === '-machine'
      ? [
          ['-object', `memory-backend-ram,id=${ONLY_BLOCK},size=${ramBytes}`],
          ['-machine', `${arg[1]},memory-backend=${ONLY_BLOCK}`],
        ]
      : [arg],
  )
}

/** QEMU waits for `migrate-incoming`. */
export const INCOMING: readonly Argument[] = [['-incoming', 'defer']]

/** RAM in memory files, which migration leaves out and bringup copies (`x-ignore-shared` in qapi/migration.json). */
export function forSaving(args: readonly Argument[]): readonly Argument[] {
  return eachBlock(args, (value) => `${moved(value, 'memfd')},share=on`)
}

/** The same block in a backend of another kind, without its option `share`. */
const moved = (value: string, kind: 'memfd' | 'file') =>
  value.replace(/^memory-backend-(?:ram|memfd)/, `memory-backend-${kind}`).replace(',share=off', '')

/**
 * RAM is a private copy-on-write mapping of the saved file, and QEMU waits for the device state (`-incoming defer`).
 *
 * @param pathOf file of a block
 */
export function forRestoring(args: readonly Argument[], pathOf: (id: string) => string): readonly Argument[] {
  const ram = eachBlock(args, (value, id) => {
    return `${moved(value, 'file')},mem-path=${pathOf(id).replaceAll(',', ',,')},share=off`
  })
  return [...INCOMING, ...ram]
}

/**
 * Backing files replaced by their saved copies, mapped privately: writes are lost when QEMU ends.
 *
 * @param copies paths of the copies by those of the files
 */
export function withCopies(
  args: readonly Argument[],
  copies: ReadonlyMap<string, string>,
): readonly Argument[] {
  return args.map(([flag, value]): Argument => {
    if (value === undefined) return [flag]
    const [, , , path] = (flag === '-object' && MAPPED.exec(value)) || []
    const copy = path === undefined ? undefined : copies.get(path.replaceAll(',,', ','))
    if (path === undefined || copy === undefined) return [flag, value]
    const moved = value.replace(`mem-path=${path}`, () => `mem-path=${copy.replaceAll(',', ',,')}`)
    return [flag, moved.replace('share=on', 'share=off').replace(',pmem=on', '')]
  })
}

/** Ids of the backends that map named files and write to them: migration leaves them out. */
export function sharedFiles(args: readonly Argument[]): ReadonlySet<string> {
  return new Set(
    args.flatMap(([flag, value]) => {
      const [, id] = (flag === '-object' && value !== undefined && MAPPED.exec(value)) || []
      return id !== undefined && /,share=on(?:,|$)/.test(value ?? '') ? [id] : []
    }),
  )
}

/** Paths of the files that backends of memory map, by the ids of the backends. */
export function mappedFiles(args: readonly Argument[]): ReadonlyMap<string, string> {
  return new Map(
    args.flatMap(([flag, value]) => {
      const [, id, , path] = (flag === '-object' && value !== undefined && MAPPED.exec(value)) || []
      return id === undefined || path === undefined ? [] : [[id, path.replaceAll(',,', ',')] as const]
    }),
  )
}

/** Arguments of a restored guest with plain memory backends: for a state whose stream contains all memory. */
export function withoutFiles(args: readonly Argument[], folder: string): readonly Argument[] {
  return args
    .filter(([flag]) => flag !== INCOMING[0]?.[0])
    .map(([flag, value]): Argument => {
      if (value === undefined) return [flag]
      const [, id, size, path] = (flag === '-object' && MAPPED.exec(value)) || []
      return path?.replaceAll(',,', ',').startsWith(`${folder}/`)
        ? [flag, `memory-backend-ram,id=${id},size=${size}`]
        : [flag, value]
    })
}

/** A comma in a path is doubled. */
const MAPPED =
  /^memory-backend-file,(?=(?:.*,)?id=([^,]+))(?=(?:.*,)?size=([^,]+))(?:[^,]+,)*?mem-path=((?:[^,]|,,)+?)(?:,(?!,)|$)/

function eachBlock(
  args: readonly Argument[],
  change: (value: string, id: string) => string,
): readonly Argument[] {
  return args.map(([flag, value]): Argument => {
    const id = flag === '-object' && value !== undefined ? PLAIN.exec(value)?.[1] : undefined
    if (id !== undefined && value !== undefined) return [flag, change(value, id)]
    return value === undefined ? [flag] : [flag, value]
  })
}
