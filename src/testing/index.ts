/**
 * 'bringup/test': Vitest's test and expect, with machines.
 *
 * @module bringup/test
 */
import { raiseTimeouts } from './timeouts.ts'

raiseTimeouts()

export { type Launch, type LaunchRack, test } from './fixtures.ts'
export { type MachineMatrix, type MatrixMachine, machines } from './machines.ts'
export {
  type CommandExpectation,
  type DescriptionMatchers,
  expect,
  type GuestMatchers,
} from './matchers.ts'
export type { WantedRdma } from './rdma-matcher.ts'
export { testWithGuestPer } from './shared-guest.ts'
export type { Wanted } from './wanted-device.ts'
