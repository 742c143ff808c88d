/** Gives every path of a machine its place. Pure: paths are only computed. */
import { isAbsolute, resolve } from 'node:path'
import type { Home } from '../machine/device.ts'
import type { HostPort } from '../machine/facts.ts'
import { type MachineConfig, partsOf, viewOf } from '../machine/machine.ts'
import { portsOfArgs } from '../machine/qemu-arg-ports.ts'

/** The same machine with absolute paths, and default stores in the state folder. */
export function placeMachine(machine: MachineConfig, home: Home): MachineConfig {
  const placed: Record<string, unknown> = { ...machine, home, devices: [...machine.devices] }
  for (const part of partsOf(machine)) {
    const config = part.device.place?.(part.config, home)
    if (config === undefined) continue
    const index = /^devices\[(\d+)\]$/.exec(part.path)?.[1]
    if (index === undefined) placed[part.path] = config
    else (placed.devices as unknown[])[Number(index)] = config
  }
  if (typeof machine.qemu === 'string' && machine.qemu.includes('/') && !isAbsolute(machine.qemu))
    placed.qemu = resolve(home.folder, machine.qemu)
  return placed as MachineConfig
}

/** Every path whose facts the rules need. */
export function pathsOf(name: string, machine: MachineConfig): readonly string[] {
  const view = viewOf(name, machine)
  return partsOf(machine).flatMap((part) => part.device.paths?.(part.config, view) ?? [])
}

/** Every port of this computer that QEMU would listen on, those of the user's own arguments included. */
export function portsOf(machine: MachineConfig): readonly HostPort[] {
  return [
    ...partsOf(machine).flatMap((part) => part.device.ports?.(part.config) ?? []),
    ...portsOfArgs(machine.qemuArgs).map(({ port }) => port),
  ]
}

/** Whether the rules need to know the RDMA devices of this computer. */
export const usesRdma = (machine: MachineConfig): boolean =>
  partsOf(machine).some(({ device }) => device.usesRdma)
