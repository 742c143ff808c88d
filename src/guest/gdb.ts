/** How gdb reaches a guest: the server that QEMU has, and the command that connects to it. */
import { gdbServerOf } from '../machine/devices/gdb.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { hasSymbols } from '../plan/sniff.ts'
import type { QmpClient } from '../qemu/qmp.ts'

/** A guest that gdb can connect to. */
export interface GdbTarget {
  /** What gdb's `target remote` takes: `127.0.0.1:41279`. */
  readonly remote: string
  /** The guest waits at its first instruction until gdb continues it. */
  readonly isStopped: boolean
  /** ELF file with the symbols of what boots, where one is known. */
  readonly symbols?: string
  /** The command that connects: gdb with the symbols. */
  readonly command: readonly string[]
}

/** Call it once QEMU listens; undefined where the machine has no server for gdb. */
export async function gdbTargetOf(
  { machine, symbols }: Pick<GuestPlan, 'machine' | 'symbols'>,
  qmp: Pick<QmpClient, 'execute'>,
): Promise<GdbTarget | undefined> {
  const server = gdbServerOf(machine)
  const remote = server?.isFreePort ? await chosenAddress(qmp) : server?.remote
  if (!server || remote === undefined) return undefined
  const { kernel } = machine.boot
  const file = symbols ?? (kernel !== undefined && hasSymbols(kernel) ? kernel : undefined)
  return {
    remote,
    isStopped: server.isStopped,
    ...(file === undefined ? {} : { symbols: file }),
    command: ['gdb', ...(file === undefined ? [] : [file]), '-ex', `target remote ${remote}`],
  }
}

/** QEMU's character device of the server is called `gdb`: `disconnected:tcp:127.0.0.1:41279,server=on`. */
async function chosenAddress(qmp: Pick<QmpClient, 'execute'>): Promise<string | undefined> {
  const devices = await qmp.execute('query-chardev')
  const name = devices.find((device) => device.label === 'gdb')?.filename ?? ''
  return /^disconnected:tcp:([^,]+)/.exec(name)?.[1]
}
