/**
 * The shapes of `--json`: what a program may rely on. The reference has them as JSON Schemas, and tests hold real output
 * against them. Keys may be added; none is taken away or changes its meaning without a new major version.
 */
import * as z from 'zod'
import { buildJson, checkoutJson, containerJson, importJson, initJson } from './shapes/builds.ts'
import { diagnostics, exitCode } from './shapes/common.ts'
import { doctorJson, setupJson, trustJson, updateJson } from './shapes/host.ts'
import {
  machinesJson,
  planJson,
  reportJson,
  runJson,
  runsJson,
  screenJson,
  testJson,
} from './shapes/machines.ts'
import { operationJson, operationsJson, pmemPlanJson, pmemStatusJson } from './shapes/operations.ts'
import { rdmaDoctorJson, rdmaStatusJson } from './shapes/rdma.ts'
import { stateJson } from './shapes/states.ts'
import { nvdimmJson } from './shapes/stores.ts'
import { sweepJson } from './shapes/sweeps.ts'

export { buildJson, checkoutJson, containerJson, importJson, initJson } from './shapes/builds.ts'
export { doctorJson, setupJson, trustJson, updateJson } from './shapes/host.ts'
export {
  machinesJson,
  planJson,
  reportJson,
  runJson,
  runsJson,
  screenJson,
  testJson,
} from './shapes/machines.ts'
export { operationJson, operationsJson, pmemPlanJson, pmemStatusJson } from './shapes/operations.ts'
export { rdmaDoctorJson, rdmaStatusJson } from './shapes/rdma.ts'
export { stateJson } from './shapes/states.ts'
export { nvdimmJson } from './shapes/stores.ts'
export { sweepJson } from './shapes/sweeps.ts'

/** What every command prints when it fails. */
export const errorJson = z
  .object({ exitCode, diagnostics })
  .describe('Printed instead by any command that fails.')

/** By the name of the file in `docs/reference/json`. */
export const SHAPES = {
  error: errorJson,
  plan: planJson,
  run: runJson,
  build: buildJson,
  import: importJson,
  init: initJson,
  machines: machinesJson,
  runs: runsJson,
  report: reportJson,
  test: testJson,
  screen: screenJson,
  state: stateJson,
  sweep: sweepJson,
  nvdimm: nvdimmJson,
  'pmem-plan': pmemPlanJson,
  'pmem-status': pmemStatusJson,
  'rdma-doctor': rdmaDoctorJson,
  'rdma-status': rdmaStatusJson,
  doctor: doctorJson,
  checkout: checkoutJson,
  setup: setupJson,
  container: containerJson,
  trust: trustJson,
  update: updateJson,
  operation: operationJson,
  operations: operationsJson,
}
