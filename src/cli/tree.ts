/** Lines that join the parts of a tree, as `tree` draws them. */

export interface Branch {
  readonly label: string
  readonly below: readonly Branch[]
}

export const leaf = (label: string): Branch => ({ label, below: [] })

export function linesOf(branches: readonly Branch[]): readonly string[] {
  return branches.flatMap(({ label, below }, index) => {
    const isLast = index === branches.length - 1
    return [
      `${isLast ? '└─' : '├─'} ${label}`,
      ...linesOf(below).map((line) => `${isLast ? '  ' : '│ '} ${line}`),
    ]
  })
}
