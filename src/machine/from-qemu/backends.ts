/** Objects that hold memory: `-object memory-backend-…`. */
import type { QemuOption } from '../qemu-args.ts'
import { compact, isOn, listOf, numbersIn, pairsOf, sizeOf, sizeText } from './fields.ts'
import { lost, type Remark } from './finding.ts'

export interface BackendKeys {
  readonly bytes: number
  /** Keys of the memory section. */
  readonly keys: {
    readonly backend?: 'ram' | 'memfd' | 'file'
    readonly path?: string
    readonly hugePages?: string
    readonly share?: boolean
    readonly prealloc?: boolean
    readonly hostNodes?: readonly number[]
    readonly policy?: string
  }
  readonly remarks: readonly Remark[]
}

const KNOWN = [
  '',
  'qom-type',
  'id',
  'size',
  'mem-path',
  'hugetlb',
  'hugetlbsize',
  'share',
  'prealloc',
  'host-nodes',
  'policy',
]

/** Undefined for another kind of object. */
export function backendKeys(object: QemuOption): BackendKeys | undefined {
  const backend = /^memory-backend-(ram|memfd|file)$/.exec(object.head ?? '')?.[1]
  const bytes = sizeOf(object.keys.get('size'))
  if (backend === undefined || bytes === undefined) return undefined
  const key = (name: string) => object.keys.get(name)
  const hostNodes = numbersIn(listOf(object, 'host-nodes'))
  const huge = sizeOf(key('hugetlbsize')) ?? (isOn(key('hugetlb')) ? 2 * 1024 * 1024 : undefined)
  const policy = key('policy')
  const isDefault = policy === undefined || policy === 'default' || (policy === 'bind' && hostNodes?.length)
  return {
    bytes,
    keys: compact({
      backend: backend === 'ram' ? undefined : backend,
      path: key('mem-path'),
      hugePages: huge === undefined ? undefined : sizeText(huge),
      // A memory file is shared unless told otherwise.
      share: (key('share') === undefined ? backend === 'memfd' : isOn(key('share'))) || undefined,
      prealloc: isOn(key('prealloc')) || undefined,
      hostNodes: hostNodes?.length ? hostNodes : undefined,
      policy: isDefault ? undefined : policy,
    }),
    remarks: pairsOf(object)
      .filter(([name]) => !KNOWN.includes(name))
      .map(([name, value]) =>
        lost(`${name}=${value} of -object ${object.head}`, 'the description of memory has no such key'),
      ),
  }
}
