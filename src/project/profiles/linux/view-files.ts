/** The small files that a guest printed with `grep ''`: `PATH:CONTENT`, one line each. */

/** Content by path; of a path that occurs on several lines, the last one. */
export type Files = ReadonlyMap<string, string>

export interface Printed {
  readonly lines: readonly (readonly [path: string, text: string])[]
  readonly files: Files
}

/** Names of PCI devices contain colons, their files do not contain slashes. */
export function parsePrinted(output: string): Printed {
  const lines = output.split('\n').flatMap((line) => {
    if (!line.startsWith('/')) return []
    const at = line.indexOf(':', line.startsWith('/sys/bus/pci/') ? line.lastIndexOf('/') : 0)
    return at === -1 ? [] : [[line.slice(0, at), line.slice(at + 1)] as const]
  })
  return { lines, files: new Map(lines) }
}

/** Entries whose path matches, with the groups of the match. */
export function matching(
  { lines }: Printed,
  path: RegExp,
): readonly { readonly groups: readonly string[]; readonly text: string }[] {
  return lines.flatMap(([name, text]) => {
    const match = path.exec(name)
    return match ? [{ groups: match.slice(1), text }] : []
  })
}

/** `0-2,5` as numbers; what is no such list is empty. A guest that claims millions gets none. */
export function parseCpuList(text: string): readonly number[] {
  return text
    .trim()
    .split(',')
    .flatMap((part) => {
      const [, from, to = from] = /^(\d{1,5})(?:-(\d{1,5}))?$/.exec(part) ?? []
      if (from === undefined) return []
      return Array.from({ length: Math.max(0, Number(to) - Number(from) + 1) }, (_, i) => Number(from) + i)
    })
}
