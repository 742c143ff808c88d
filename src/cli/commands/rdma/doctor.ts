/** `bringup rdma doctor`: what this computer has for RDMA, and what is in the way. Changes nothing. */
import { isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import { examineRdma, type ModuleReport, type RdmaReport } from '../../../rdma/examine.ts'
import { createHostReader } from '../../../steps/host-reader.ts'
import type { Command, Invocation } from '../../command.ts'
import { formatDiagnostics } from '../../errors.ts'
import { devicesJson, formatDevices } from './view.ts'

export const doctor: Command = {
  summary: 'show what is there, what is missing, and what is in the way',
  description:
    'Reads the RDMA devices, the kernel modules that must and must not be there, and the programs and libraries. Changes nothing. Exit code 2 where a guest with a pvrdma could not start.',
  examples: [
    { command: 'bringup rdma doctor', says: 'before `bringup rdma up`, or where a guest does not start' },
    { command: 'bringup rdma doctor --json', says: 'the same for a program' },
  ],
  run,
}

async function run({ output, signal }: Invocation): Promise<number> {
  const report = await examineRdma(createHostReader(signal))
  const { facts, modules, diagnostics } = report
  output.json({
    devices: devicesJson(facts.devices),
    modules: modules.map(({ name, isWanted, isPresent, usedBy, lost }) => ({
      name,
      isWanted,
      isPresent,
      usedBy,
      lost,
    })),
    hasModules: report.hasModules,
    ofed: report.ofed ?? null,
    providers: report.providers,
    multiplexer: facts.multiplexer ?? null,
    rdma: report.rdmaProgram ?? null,
    diagnostics,
  })
  output.print(facts.devices.length === 0 ? 'No RDMA device.' : formatDevices(facts.devices, output))
  output.print('')
  for (const line of linesOf(report)) output.print(line)
  if (diagnostics.length > 0 && !output.isJson)
    output.note(`\n${formatDiagnostics(diagnostics, output.errorPage)}`)
  return isClean(diagnostics) ? EXIT_CODES.passed : EXIT_CODES.refused
}

function linesOf({
  modules,
  hasModules,
  ofed,
  providers,
  facts,
  rdmaProgram,
}: RdmaReport): readonly string[] {
  return [
    hasModules ? 'modules' : 'modules      this kernel loads none',
    ...modules.map((module) => `  ${moduleLine(module)}`),
    `driver       ${ofed ?? 'of the kernel (no MLNX_OFED)'}`,
    `providers    ${providers.length === 0 ? 'none' : providers.join(', ')}`,
    `multiplexer  ${facts.multiplexer ?? 'none'}`,
    `rdma         ${rdmaProgram ?? 'none'}`,
  ]
}

function moduleLine({ name, isWanted, isPresent, usedBy, lost }: ModuleReport): string {
  const mark = isWanted === isPresent ? '✓' : '✗'
  const state = isPresent ? 'loaded' : 'not loaded'
  if (isWanted || !isPresent) return `${mark} ${name.padEnd(10)} ${state}`
  const users = usedBy.length > 0 ? `, with ${usedBy.join(', ')}` : ''
  return `${mark} ${name.padEnd(10)} ${state}${users}; to be unloaded for guests, which ends ${[...new Set(lost)].join('; ')}`
}
