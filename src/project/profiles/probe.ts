/** The bundled kernel: it reports what a guest really sees, and exercises every way to end. */
import { dirname } from 'node:path'
import type { MachineInput } from '../../machine/machine.ts'
import { buildProbe, findProbe, type ProbeKernel } from '../probe-build.ts'
import { defineProfile, type PrepareContext } from '../profile.ts'
import { parseReport } from './probe/report.ts'

/** Codes that `kernels/probe` writes to isa-debug-exit; its README has the table. */
const EXIT_CODES = {
  16: { verdict: 'passed', meaning: 'the probe kernel reported everything' },
  2: { verdict: 'failed', meaning: 'the probe kernel panicked' },
  3: {
    verdict: 'failed',
    meaning: 'a self test of the probe kernel failed: the accelerator or QEMU is broken',
  },
  4: { verdict: 'failed', meaning: 'a store does not hold what was written to it' },
  5: {
    verdict: 'failed',
    meaning: 'a message of another guest did not arrive, through shared memory or by network',
  },
  6: { verdict: 'failed', meaning: 'unhandled exception in the probe kernel' },
  7: { verdict: 'failed', meaning: 'the CPU has no long mode, which the probe kernel needs' },
} as const

export const probe = defineProfile({
  name: 'probe',
  summary: 'bundled kernel that reports CPUs, nodes, distances, NVDIMMs and PCI devices as it finds them',
  dependencies: [
    {
      name: 'build',
      summary: 'what compiles the bundled kernel',
      dependencies: [
        {
          kind: 'program',
          program: 'gcc',
          alternatives: ['cc', 'clang'],
          packages: 'gcc',
          why: 'compiles the bundled kernel',
        },
        { kind: 'program', program: 'ld', packages: 'binutils', why: 'links the bundled kernel' },
      ],
    },
  ],
  defaults: { debugExit: true, timeout: '30s' },
  judgement: {
    exitCodes: EXIT_CODES,
    panicPatterns: ['^PANIC: ', '^EXCEPTION: '],
    onPowerOff: 'passed',
    onReset: 'stop',
  },
  needsLongMode: true,
  hasShell: false,
  verifiesByDefault: true,
  // It has no driver for a virtio console.
  isSilent: ({ boot, console }) =>
    console.type === 'virtio' || boot.append?.split(/\s+/).includes('report=no') === true,
  async prepare(context) {
    return { machine: bootOf(await buildProbe(context), context) }
  },
  preview(context) {
    const { isBuilt, ...kernel } = findProbe(context.cacheFolder)
    const path = dirname(kernel.pvh)
    const pending = isBuilt ? [] : [{ what: 'the probe kernel, compiled from its source', path }]
    return { machine: bootOf(kernel, context), pending }
  },
  view: async ({ consoleText }) => parseReport(consoleText()),
})

/** UEFI firmware boots the kernel from a folder; a named firmware file means UEFI too. */
function bootOf(kernel: ProbeKernel, { machine }: PrepareContext): MachineInput {
  const { firmware, esp, code, variables } = machine.boot ?? {}
  const isEfi = firmware === 'uefi' || (firmware === undefined && (esp ?? code ?? variables) !== undefined)
  return { boot: isEfi ? { esp: kernel.esp } : { kernel: kernel.pvh } }
}
