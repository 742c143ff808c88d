import { expect, test } from 'vitest'
import type { QemuProcess } from '../qemu/process.ts'
import { loadState } from './migration.ts'

/** A QEMU of that version, and the addresses that it is told to load from. */
function qemuOf(version: unknown) {
  const uris: unknown[] = []
  const listeners: ((data: { readonly status: string }) => void)[] = []
  const qmp = {
    greeted: Promise.resolve({ version }),
    on: (_: string, listener: (typeof listeners)[number]) => {
      listeners.push(listener)
      return () => {}
    },
    next: () => new Promise(() => {}),
    execute: async (command: string, args: { readonly uri?: string }) => {
      if (command !== 'migrate-incoming') return {}
      uris.push(args.uri)
      for (const listener of listeners) listener({ status: 'completed' })
      return {}
    },
  }
  return { qemu: { qmp } as unknown as Pick<QemuProcess, 'qmp'>, uris }
}

test.each([
  [{ qemu: { major: 7, minor: 2, micro: 22 } }, 'fd:6'],
  [{ qemu: { major: 8, minor: 1, micro: 0 } }, 'fd:6'],
  [{ qemu: { major: 8, minor: 2, micro: 0 } }, 'file:/proc/self/fd/6'],
  [{ qemu: { major: 10, minor: 0, micro: 2 } }, 'file:/proc/self/fd/6'],
  [undefined, 'fd:6'],
])('a QEMU of version %j loads from an address that it knows', async (version, uri) => {
  const { qemu, uris } = qemuOf(version)
  await loadState(qemu, 6)
  expect(uris).toEqual([uri])
})
