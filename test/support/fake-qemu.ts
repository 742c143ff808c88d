/** For tests: a program that answers what bringup asks of a QEMU as the real one does, and fails as it is told to then. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** What it does at a QMP command, or at `greeting`: says nothing any more, refuses it, says garbage, or ends. */
export interface FakeQemu {
  readonly at: string
  readonly does: 'hang' | 'refuse' | 'garbage' | 'end'
}

const PEER = fileURLToPath(new URL('fake-qemu-peer.mjs', import.meta.url))
const REAL = '/usr/bin/qemu-system-x86_64'

/** Writes it and returns its path. */
export function fakeQemu(folder: string, { at, does }: FakeQemu): string {
  const name = `qemu-${does}-${at}`
  const path = join(folder, name)
  // The questions about the binary, and the trial guest, go to the real one.
  writeFileSync(
    path,
    `#!/bin/sh
case "$*" in
  *"-machine none"* | *"-L help"* | *"-append accel"*) exec ${REAL} "$@" ;;
esac
exec "${process.execPath}" "${PEER}" ${at} ${does} "$0"
`,
    { mode: 0o755 },
  )
  return path
}
