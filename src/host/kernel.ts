/** The running kernel. */
import { arch } from 'node:os'
import { readText } from './read-file.ts'

export interface KernelFact {
  /** `uname -r`. */
  readonly release: string
  /** Changes with every boot of this computer. */
  readonly bootId: string
  /** As QEMU names targets: `x86_64`, `aarch64`. */
  readonly arch: string
}

const ARCHES: Readonly<Record<string, string>> = { x64: 'x86_64', ia32: 'i386', arm64: 'aarch64' }

/** @param root Folder that stands for `/`; other than `/` in tests. */
export function readKernel(root = '/'): KernelFact {
  return {
    release: readText(root, 'proc/sys/kernel/osrelease') ?? 'unknown',
    bootId: readText(root, 'proc/sys/kernel/random/boot_id') ?? 'unknown',
    arch: ARCHES[arch()] ?? arch(),
  }
}
