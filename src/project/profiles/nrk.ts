/** nrk, the node-replicated kernel: built by cargo, booted by UEFI, ends through isa-debug-exit. */
import type { MachineInput } from '../../machine/machine.ts'
import { defineProfile, type PrepareContext, type Profile } from '../profile.ts'
import { espFolder, nrkGraph, userModules } from './nrk/build.ts'
import { BUILD_OPTIONS, readOptions, refuseUnreachableGdb } from './nrk/build-options.ts'
import { NRK_DEPENDENCIES } from './nrk/dependencies.ts'
import { recogniseNrk } from './nrk/recognise.ts'
import { TOOL_FLAGS } from './nrk/tool-flags.ts'

/** What the kernel writes to the debug port (`ExitReason` in `kernel/src/main.rs`). */
const EXIT_CODES = {
  0: { verdict: 'passed', meaning: 'the kernel ended as it should' },
  1: { verdict: 'failed', meaning: 'main() of the kernel returned to the architecture’s code' },
  2: { verdict: 'failed', meaning: 'kernel panic' },
  3: { verdict: 'failed', meaning: 'out of memory' },
  4: { verdict: 'failed', meaning: 'unexpected interrupt' },
  5: { verdict: 'failed', meaning: 'general protection fault' },
  6: { verdict: 'failed', meaning: 'unexpected page fault' },
  7: { verdict: 'failed', meaning: 'a user-space test ended with an unexpected code' },
  8: { verdict: 'failed', meaning: 'unexpected exception while the kernel started' },
  9: { verdict: 'failed', meaning: 'unrecoverable error: machine check or double fault' },
} as const

export interface NrkOptions {
  readonly name?: string
  /**
   * `build` (the default): cargo builds `core` and `alloc` for nrk's targets, which needs the nightly compiler of the
   * tree with `rust-src`. `none`: the crates need none, or the compiler brings it along.
   */
  readonly standardLibrary?: 'build' | 'none'
}

/**
 * The nrk profile, for a tree that differs.
 *
 * @example
 * defineConfig({ profile: 'my-nrk', profiles: [nrkProfile({ name: 'my-nrk', standardLibrary: 'none' })] })
 */
export function nrkProfile({ name = 'nrk', standardLibrary = 'build' }: NrkOptions = {}): Profile {
  return defineProfile({
    name,
    summary: 'the node-replicated kernel: cargo workspace, UEFI boot, exit codes through the debug port',
    source: { url: 'git@github.com:vmware-labs/node-replicated-kernel.git' },
    defaults: {
      type: 'pc',
      cpu: { features: ['+fsgsbase', '+x2apic'], kvmFeatures: ['migratable=no', '+invtsc', '+tsc'] },
      memory: { size: '1G' },
      debugExit: true,
      nvdimmPersistence: 'cpu',
      timeout: '10m',
    },
    judgement: {
      exitCodes: EXIT_CODES,
      panicPatterns: ['^System panic encountered', 'Encountered a recursive panic'],
      onPowerOff: 'failed',
      onReset: 'stop',
    },
    needsLongMode: true,
    hasShell: false,
    verifiesByDefault: false,
    dependencies: NRK_DEPENDENCIES,
    buildOptions: BUILD_OPTIONS,
    build: (context) => (isGiven(context) ? { targets: [] } : nrkGraph(context, { standardLibrary })),
    machineFlags: TOOL_FLAGS,
    recognise: recogniseNrk,
    prepare: async (context) => ({ machine: bootOf(context) }),
    preview: (context) => ({ machine: bootOf(context), pending: [] }),
  })
}

/** The user names what is booted: nothing of the tree is. */
function isGiven({ machine }: Pick<PrepareContext, 'machine'>): boolean {
  return (machine.boot?.kernel ?? machine.boot?.esp) !== undefined
}

function bootOf(context: PrepareContext): MachineInput {
  if (isGiven(context)) return {}
  refuseUnreachableGdb(context.buildOptions, context.machine)
  const wanted = readOptions(context.buildOptions, userModules(context.projectFolder))
  return { boot: { firmware: 'uefi', esp: espFolder(context, wanted) } }
}

export const nrk = nrkProfile()
