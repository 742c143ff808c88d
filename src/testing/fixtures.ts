/** Vitest fixtures that start a machine per test, and keep the evidence when the test fails. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base, type TestContext } from 'vitest'
import type { Guest } from '../guest/guest.ts'
import { type LaunchRequest, launch, launchRack, type RackRequest } from '../launch.ts'
import type { MachineInput } from '../machine/machine.ts'
import type { RackInput } from '../rack/rack-schema.ts'
import type { Run } from '../runs/run.ts'
import { defaultMachine } from './default-machine.ts'
import { evidenceMark, evidenceOf } from './evidence.ts'
import { addWithForks, refuseCrashes, watchEnd, watchEnds } from './unseen-crash.ts'

/** How long a guest may take to end when its test is over; Vitest does not bound cleanup itself. */
export const CLOSE_MS = 10_000

/**
 * Starts a guest that ends with the test. Guests of one name share their stores and cannot run at the same time;
 * `name` in the request keeps several guests on one machine apart.
 */
export type Launch = (machine?: MachineInput | string, request?: LaunchRequest) => Promise<Guest>

/** Starts a rack that ends with the test. */
export type LaunchRack = (rack: RackInput | string, request?: RackRequest) => Promise<Run>

/**
 * Vitest's `test` with machines. Fixtures are lazy: a guest starts only in tests that use it. Tests and hooks may take
 * 60 s unless the Vitest config sets `testTimeout` or `hookTimeout`.
 *
 * - `machine`: what `guest` boots, by default the project's default machine; override it with
 *   `test.override('machine', { … })` or per `describe`.
 * - `options`: profile, folder and the like for all guests of the test.
 * - `origin`: `state` by default: guests are restored from a saved state of the same machine if possible, also one of an
 *   earlier test run. `test.override('origin', 'boot')` boots every guest.
 * - `stateFolder`: runs and stores of this test alone; kept when it fails.
 * - `launch`: starts further guests, or others.
 * - `guest`: the running guest.
 * - `rackDescription`, `rack`, `launchRack`: the same for machines that run together; `rack.guests` has them by name.
 *
 * @example
 * test.override('machine', { cpu: 2, numa: 2 })
 * test('two nodes', async ({ guest }) => {
 *   await expect(guest).toSeeItsMachine()
 * })
 */
export const test = base
  .extend('options', {} as LaunchRequest)
  .extend('origin', 'state' as NonNullable<LaunchRequest['origin']>)
  .extend('machine', async ({ options }): Promise<MachineInput | string> => defaultMachine(options.folder))
  .extend('stateFolder', async ({ task }, { onCleanup }) => {
    const folder = mkdtempSync(join(tmpdir(), 'bringup-test-'))
    onCleanup(() => {
      if (task.result?.state !== 'fail') rmSync(folder, { recursive: true, force: true })
    })
    return folder
  })
  .extend(
    'launch',
    async ({ options, origin, stateFolder, task, signal }, { onCleanup }): Promise<Launch> => {
      const guests = new Map<Guest, () => boolean>()
      onCleanup(async () => {
        addEvidence(task, [...guests.keys()])
        const unseen = [...guests].flatMap(([guest, isSeen]) => (isSeen() ? [] : guest))
        const ends = await closeAll([...guests.keys()])
        if (task.result?.state !== 'fail') refuseCrashes(ends.filter(([guest]) => unseen.includes(guest)))
      })
      return async (machine, request = {}) => {
        const chosen = machine ?? (await defaultMachine(request.folder ?? options.folder))
        const guest = await launch(chosen, { state: stateFolder, signal, origin, ...options, ...request })
        addWithForks(guest, {
          add: (one) => guests.set(one, watchEnd(one)),
          forget: (fork) => guests.delete(fork),
        })
        return guest
      }
    },
  )
  .extend('guest', async ({ machine, launch }): Promise<Guest> => launch(machine))
  .extend('rackDescription', undefined as RackInput | string | undefined)
  .extend(
    'launchRack',
    async ({ options, stateFolder, task, signal }, { onCleanup }): Promise<LaunchRack> => {
      const runs = new Map<Run, () => readonly Guest[]>()
      onCleanup(async () => {
        const all = [...runs.keys()]
        addEvidence(
          task,
          all.flatMap((run) => Object.values(run.guests)),
        )
        const crashed = [...runs.values()].flatMap((unseen) => unseen())
        await Promise.all(all.map((run) => run.close({ timeoutMs: CLOSE_MS })))
        if (task.result?.state !== 'fail') refuseCrashes(await closeAll(crashed))
      })
      return async (rack, request = {}) => {
        const { folder } = options
        const own = { state: stateFolder, signal, ...(folder === undefined ? {} : { folder }) }
        const run = await launchRack(rack, { ...own, ...request })
        addWithForks(run, {
          add: (one) => runs.set(one, watchEnds(one)),
          forget: (fork) => runs.delete(fork),
        })
        return run
      }
    },
  )
  .extend('rack', async ({ rackDescription, launchRack }): Promise<Run> => {
    if (rackDescription === undefined)
      throw new TypeError(
        "a test that uses `rack` sets it first: test.override('rackDescription', { guests: … })",
      )
    return launchRack(rackDescription)
  })

export const closeAll = (guests: readonly Guest[]) =>
  Promise.all(guests.map(async (guest) => [guest, await guest.close({ timeoutMs: CLOSE_MS })] as const))

/** Evidence before the kill: afterwards the guests have nothing more to say. */
function addEvidence(task: TestContext['task'], guests: readonly Guest[]): void {
  const [error] = task.result?.state === 'fail' ? (task.result.errors ?? []) : []
  if (!error) return
  const lacking = guests.filter((guest) => !error.message.includes(evidenceMark(guest)))
  if (lacking.length === 0) return
  error.message = [
    error.message,
    ...lacking.map((guest) =>
      guests.length === 1 ? evidenceOf(guest) : `guest "${guest.plan.name}"\n${evidenceOf(guest)}`,
    ),
  ].join('\n\n')
}
