/** A Linux source tree: whether a folder is one, and which version. */
import type { SourceTree } from '../../recognise/tree.ts'

/** The release that the tree's Makefile names, such as `6.1.119`; undefined where the folder is no Linux source tree. */
export function linuxVersion(tree: Pick<SourceTree, 'has' | 'read'>): string | undefined {
  if (!['Kbuild', 'Kconfig', 'MAINTAINERS', 'scripts/kconfig', 'arch/x86'].every(tree.has)) return undefined
  const makefile = tree.read('Makefile') ?? ''
  const field = (name: string) => new RegExp(`^${name} *= *(\\S*)$`, 'm').exec(makefile)?.[1] ?? ''
  const [version, patch, sub, extra] = ['VERSION', 'PATCHLEVEL', 'SUBLEVEL', 'EXTRAVERSION'].map(field)
  return version && patch ? `${version}.${patch}${sub === '' ? '' : `.${sub}`}${extra}` : undefined
}
