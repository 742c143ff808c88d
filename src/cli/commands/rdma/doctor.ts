/** `bringup rdma doctor`: what this computer has for RDMA, and what is in the way. Changes nothing. */
import { BringupError, isClean } from '../../../diagnostics.ts'
import { EXIT_CODES } from '../../../guest/verdict.ts'
import type { QemuCapabilities } from '../../../machine/facts.ts'
import { ARCH } from '../../../machine/machine-rules.ts'
import { cacheFolder } from '../../../project/cache-folder.ts'
import { readCapabilities } from '../../../qemu/capabilities.ts'
import { candidates } from '../../../qemus/choose.ts'
import { examineRdma, type ModuleReport, type RdmaReport } from '../../../rdma/examine.ts'
import { createHostReader } from '../../../steps/host-reader.ts'
import { findRoot } from '../../../steps/root.ts'
import type { Command, Invocation } from '../../command.ts'
import { hasTerminal } from '../../confirm.ts'
import { formatDiagnostics } from '../../errors.ts'
import { devicesJson, formatDevices } from './view.ts'

export const doctor: Command = {
  summary: 'show what is there, what is missing, and what is in the way',
  description:
    'Reads the RDMA devices, the kernel modules that must and must not be there, and the programs and libraries. Changes nothing. Exit code 2 where a guest with a pvrdma cannot start on any port.',
  examples: [
    { command: 'bringup rdma doctor', says: 'before `bringup rdma up`, or where a guest does not start' },
    { command: 'bringup rdma doctor --json', says: 'the same for a program' },
  ],
  run,
}

async function run({ output, signal }: Invocation): Promise<number> {
  const uid = process.getuid?.() ?? 0
  const report = await examineRdma(createHostReader(signal), {
    qemus: await usableQemus(signal),
    canBeRoot: findRoot(hasTerminal()).kind !== 'none',
    uid,
  })
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
  if (uid !== 0) output.print('processes    those of other users are not shown: run as root to see them')
  if (diagnostics.length > 0 && !output.isJson)
    output.note(`\n${formatDiagnostics(diagnostics, output.errorPage)}`)
  return isClean(diagnostics) ? EXIT_CODES.passed : EXIT_CODES.refused
}

/** Those that answer; a broken one cannot start a guest. */
async function usableQemus(signal: AbortSignal): Promise<readonly QemuCapabilities[]> {
  const found: QemuCapabilities[] = []
  for (const binary of candidates(ARCH)) {
    try {
      found.push(await readCapabilities(binary, ARCH, cacheFolder(), signal))
    } catch (error) {
      signal.throwIfAborted()
      if (!(error instanceof BringupError)) throw error
    }
  }
  return found
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
    hasModules ? 'modules' : 'modules      no loadable modules',
    ...modules.map((module) => `  ${moduleLine(module)}`),
    `driver       ${ofed ?? 'of the kernel (no MLNX_OFED)'}`,
    `providers    ${providers.length === 0 ? 'not found' : providers.join(', ')}`,
    `multiplexer  ${facts.multiplexer ?? 'not found'}`,
    `rdma         ${rdmaProgram ?? 'not found'}`,
  ]
}

function moduleLine({ name, isWanted, isPresent, usedBy, lost }: ModuleReport): string {
  const mark = isWanted === isPresent ? '✓' : '✗'
  const state = isPresent ? 'loaded' : 'not loaded'
  if (isWanted || !isPresent) return `${mark} ${name.padEnd(10)} ${state}`
  const users = usedBy.length > 0 ? `, with ${usedBy.join(', ')}` : ''
  return `${mark} ${name.padEnd(10)} ${state}${users}; to be unloaded for guests, which ends ${[...new Set(lost)].join('; ')}`
}
