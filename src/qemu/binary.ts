/** A QEMU binary without all else that is known of it. */
import type { QemuBinary } from '../machine/facts.ts'

export const binaryOf = ({ path, starting }: QemuBinary): QemuBinary =>
  starting === undefined ? { path } : { path, starting }
