/** A kernel, disk or EFI system partition of the reader's own, of which nothing is known. */

import { defineProfile } from '../profile.ts'
import { PANIC_PATTERNS } from './bare/panic-patterns.ts'

export const bare = defineProfile({
  name: 'bare',
  summary: 'a kernel, disk or ESP of your own; exit code 0 by isa-debug-exit or a power-off means success',
  defaults: { debugcon: true, debugExit: true, display: 'std' },
  judgement: {
    exitCodes: { 0: { verdict: 'passed', meaning: 'the guest exited with 0' } },
    panicPatterns: PANIC_PATTERNS,
    onPowerOff: 'passed',
    onReset: 'stop',
  },
  hasShell: false,
  verifiesByDefault: false,
  prepare: async () => ({ machine: {} }),
  preview: () => ({ machine: {}, pending: [] }),
})
