/** Arguments of disks: the images that QEMU lays one over the other. Pure. */
import { type Argument, option } from '../machine/device.ts'

/** An image, and the driver that reads it. */
export interface Layer {
  readonly path: string
  readonly format: string
}

/** A disk, floppy or flash memory of a machine, by its option `-drive`. */
export interface Drive {
  /** As `query-block` names it. */
  readonly id: string
  /** From the image that is written to down to the one that all are based on. */
  readonly chain: readonly Layer[]
  /** `image`: the image itself; `overlay`: a temporary file of QEMU's over it. */
  readonly writes: 'image' | 'overlay' | 'nothing'
  /** The image is a block device of this computer, or read in another way. */
  readonly isPlain: boolean
}

/** The disks of a machine, with its floppies and the flash memory of its firmware. */
export function drivesOf(args: readonly Argument[]): readonly Drive[] {
  return args.flatMap(([flag, value]) => {
    const keys = flag === '-drive' && value !== undefined ? keysOf(value) : undefined
    return keys && (keys.has('file.filename') || keys.has('file')) ? [driveOf(keys)] : []
  })
}

/** QEMU names drives without an id by their interface and number (drive_new in blockdev.c). */
const idOf = (keys: ReadonlyMap<string, string>) =>
  keys.get('id') ?? `${keys.get('if')}${keys.get('unit') ?? keys.get('index') ?? 0}`

/** Folders that guests read as disks. */
export function foldersOf(args: readonly Argument[]): readonly string[] {
  return args.flatMap(([flag, value]) => {
    const keys = flag === '-blockdev' && value !== undefined ? keysOf(value) : undefined
    return keys?.get('driver') === 'vvfat' ? (keys.get('dir') ?? []) : []
  })
}

function driveOf(keys: ReadonlyMap<string, string>): Drive {
  const chain: Layer[] = []
  let isPlain = true
  for (let before = ''; ; before += 'backing.') {
    const path = keys.get(`${before}file.filename`) ?? (before === '' ? keys.get('file') : undefined)
    if (path === undefined) break
    chain.push({ path, format: keys.get(`${before}format`) ?? keys.get(`${before}driver`) ?? '' })
    isPlain &&= keys.get(`${before}file.driver`) === 'file' || keys.has('file')
  }
  const writes =
    keys.get('readonly') === 'on' ? 'nothing' : keys.get('snapshot') === 'on' ? 'overlay' : 'image'
  return { id: idOf(keys), chain, writes, isPlain }
}

/** The same disks over other images. What is written to them is discarded. */
export function withChains(
  args: readonly Argument[],
  chains: ReadonlyMap<string, readonly Layer[]>,
): readonly Argument[] {
  return args.map((arg) => {
    const [flag, value] = arg
    const keys = flag === '-drive' && value !== undefined ? keysOf(value) : undefined
    const chain = keys && chains.get(idOf(keys))
    if (!keys || !chain) return arg
    const others = [...keys].filter(([key]) => !OF_IMAGES.test(key))
    return option('-drive', undefined, {
      ...Object.fromEntries(others),
      ...Object.assign({}, ...chain.map(layerKeys)),
      ...(keys.get('readonly') === 'on' ? {} : { snapshot: true }),
    })
  })
}

/** Keys of `-drive` that name images. */
const OF_IMAGES = /^(?:format|driver|snapshot|file(?:\..*)?|backing\..*)$/

function layerKeys({ path, format }: Layer, depth: number): Readonly<Record<string, string>> {
  const before = 'backing.'.repeat(depth)
  return {
    [depth === 0 ? 'format' : `${before}driver`]: format,
    [`${before}file.driver`]: 'file',
    [`${before}file.filename`]: path,
  }
}

/** A comma in a value is doubled. */
function keysOf(value: string): ReadonlyMap<string, string> {
  const pairs = value.match(/(?:[^,]|,,)+/g) ?? []
  return new Map(
    pairs.map((pair) => {
      const at = pair.indexOf('=')
      return [pair.slice(0, at), pair.slice(at + 1).replaceAll(',,', ',')] as const
    }),
  )
}
