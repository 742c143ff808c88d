/** The file with the symbols of a Linux kernel, where one is on this computer. */
import { existsSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { hasSymbols } from '../../../plan/sniff.ts'

/** Where distributions and source trees keep a `vmlinux`; the kernel's own folder first. */
export function symbolsOf(kernel: string | undefined, release: string | undefined): string | undefined {
  const ofTree = kernel === undefined ? [] : [kernel, join(dirname(kernel), '../../../vmlinux')]
  const installed =
    release === undefined || release === ''
      ? []
      : [
          `/usr/lib/debug/boot/vmlinux-${release}`,
          `/usr/lib/debug/lib/modules/${release}/vmlinux`,
          `/lib/modules/${release}/build/vmlinux`,
        ]
  return [...ofTree, ...installed].find((path) => existsSync(path) && hasSymbols(path))
}
