/** Physical memory and I/O ports of a guest, read through QEMU's monitor. */
import { rmSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { partialName } from '../own-files.ts'
import type { QmpClient } from '../qemu/qmp.ts'

/**
 * An 8-bit port; undefined when the monitor says something else. With an index (after a dot), that is written to the port first, and
 * the port after it is read: a register behind a pair of ports (hmp_ioport_read in monitor/hmp-cmds.c).
 */
export async function readPort(qmp: QmpClient, port: number, index?: number): Promise<number | undefined> {
  const said = await monitor(qmp, `i /b 0x${port.toString(16)}${index === undefined ? '' : `.${index}`}`)
  const [, value] = /= 0x([0-9a-f]+)/.exec(said) ?? []
  return value === undefined ? undefined : Number.parseInt(value, 16)
}

export async function writePort(qmp: QmpClient, port: number, value: number): Promise<void> {
  await monitor(qmp, `o /b 0x${port.toString(16)} ${value}`)
}

/** By the monitor, so that `QmpClient.isHeld` goes on to say what the owner of the guest wants. */
export async function setRunning(qmp: QmpClient, isRunning: boolean): Promise<void> {
  await monitor(qmp, isRunning ? 'cont' : 'stop')
}

const monitor = (qmp: QmpClient, command: string) =>
  qmp.execute('human-monitor-command', { 'command-line': command })

/** Memory by QMP `pmemsave`, which writes a file: `folder` is one that only this user reads. */
export async function readMemory(
  qmp: QmpClient,
  { at, bytes, folder }: { readonly at: number; readonly bytes: number; readonly folder: string },
): Promise<Buffer> {
  return withFile(folder, async (path) => {
    await qmp.execute('pmemsave', { val: at, size: bytes, filename: path })
    return await readFile(path)
  })
}

/** QMP `screendump`, of the first display or of one that is named; undefined where QEMU has no such display. */
export async function readDisplay(
  qmp: QmpClient,
  {
    folder,
    device,
    output = 0,
  }: { readonly folder: string; readonly device?: string; readonly output?: number },
): Promise<Buffer | undefined> {
  const named = device === undefined ? {} : { device, head: output }
  return withFile(folder, async (path) => {
    try {
      await qmp.execute('screendump', { filename: path, ...named })
      return await readFile(path)
    } catch {
      return undefined
    }
  })
}

async function withFile<T>(folder: string, use: (path: string) => Promise<T>): Promise<T> {
  const path = join(folder, partialName('screen'))
  try {
    return await use(path)
  } finally {
    rmSync(path, { force: true })
  }
}
