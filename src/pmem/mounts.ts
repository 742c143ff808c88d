/** What is mounted where. Pure. Source: `Documentation/filesystems/proc.rst`, mountinfo. */

export interface Mount {
  readonly source: string
  readonly type: string
  readonly isDax: boolean
}

/** The last of several mounts on one place is the one that is seen. */
export function findMount(mountinfo: string, path: string): Mount | undefined {
  const lines = mountinfo.split('\n').map((line) => line.split(' - ').map((half) => half.split(' ')))
  const found = lines.findLast(([own]) => unescapeOctal(own?.[4] ?? '') === path)
  const [own = [], fs = []] = found ?? []
  if (!found) return undefined
  const options = [...(own[5] ?? '').split(','), ...(fs[2] ?? '').split(',')]
  // xfs and older ext4 say `dax`, newer ones `dax=always`.
  const isDax = options.includes('dax') || options.includes('dax=always')
  return { type: fs[0] ?? '', source: unescapeOctal(fs[1] ?? ''), isDax }
}

/** Spaces and the like are written in octal. */
function unescapeOctal(text: string): string {
  return text.replace(/\\([0-7]{3})/g, (_, octal: string) => String.fromCharCode(Number.parseInt(octal, 8)))
}
