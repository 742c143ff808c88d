/** Which file system a path is on, and how it is mounted. Source: proc(5), `/proc/self/mountinfo`. */
import { readFileSync } from 'node:fs'

export interface Mount {
  readonly point: string
  /** The device, such as `/dev/pmem0`. */
  readonly source: string
  readonly type: string
  /** Options of the mount and of the file system: `dax=always` is one of the latter. */
  readonly options: readonly string[]
}

export function readMounts(): readonly Mount[] {
  try {
    return parseMounts(readFileSync('/proc/self/mountinfo', 'utf8'))
  } catch {
    return []
  }
}

/** One line: `36 35 98:0 /root /mnt/pmem rw,noatime shared:1 - ext4 /dev/pmem0 rw,dax=always`. */
export function parseMounts(text: string): readonly Mount[] {
  return text.split('\n').flatMap((line) => {
    const [before = '', after = ''] = line.split(' - ')
    const [, , , , point, own = ''] = before.split(' ')
    const [type, source, whole = ''] = after.split(' ')
    if (point === undefined || type === undefined || source === undefined) return []
    const options = [...new Set([...own.split(','), ...whole.split(',')])]
    return [{ point: unescapeOctal(point), source: unescapeOctal(source), type, options }]
  })
}

/** The mount that a path without symbolic links is on; of several at one point, the last one made. */
export function mountOf(path: string, mounts: readonly Mount[]): Mount | undefined {
  let best: Mount | undefined
  for (const mount of mounts) {
    const isOn = mount.point === '/' || path === mount.point || path.startsWith(`${mount.point}/`)
    if (isOn && mount.point.length >= (best?.point.length ?? 0)) best = mount
  }
  return best
}

/** What is mounted exactly there; of several mounts at one point the last one made is seen. */
export function mountAt(point: string, mounts: readonly Mount[]): Mount | undefined {
  return mounts.findLast((mount) => mount.point === point)
}

/** Whether files are mapped without the page cache: xfs and older ext4 say `dax`, newer ones `dax=always`. */
export function isDax({ options }: Mount): boolean {
  return options.includes('dax') || options.includes('dax=always')
}

/** Blanks, tabs, line feeds and backslashes are octal. */
function unescapeOctal(text: string): string {
  return text.replaceAll(/\\([0-7]{3})/g, (_, digits: string) =>
    String.fromCharCode(Number.parseInt(digits, 8)),
  )
}
