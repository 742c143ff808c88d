/** `bringup rdma status`: devices, ports, addresses, and what `up` has changed. Changes nothing. */
import { readRdmaDevices } from '../../../host/rdma.ts'
import { OPERATION_NAME } from '../../../rdma/operation.ts'
import { currentOperation } from '../../../steps/journal.ts'
import type { Command, Invocation } from '../../command.ts'
import { devicesJson, formatDevices } from './view.ts'

export const status: Command = {
  summary: 'list RDMA devices with ports and addresses, and say what to do next',
  examples: [
    { command: 'bringup rdma status', says: 'names for --pvrdma, and which addresses guests have' },
    { command: 'bringup rdma status --json', says: 'the same for a program' },
  ],
  run,
}

async function run({ output }: Invocation): Promise<number> {
  const devices = readRdmaDevices()
  const operation = currentOperation(OPERATION_NAME)
  const [first] = devices
  const next =
    operation && operation.state !== 'done'
      ? 'Next: bringup resume, or bringup rdma down'
      : first
        ? `Next: ${example(first.name)}`
        : 'Next: bringup rdma up'
  output.json({
    operation: operation?.id ?? null,
    state: operation?.state ?? 'none',
    devices: devicesJson(devices),
    next,
    diagnostics: [],
  })
  output.print(devices.length === 0 ? 'No RDMA device.' : formatDevices(devices, output))
  if (operation) output.print(`"${operation.title}" (${operation.id}): ${operation.state}`)
  output.print(next)
  return 0
}

const example = (device: string) => `bringup run --profile linux --pvrdma ${device} -- ibv_devinfo`
