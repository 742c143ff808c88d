/** One guest for all tests of a file, or of a worker. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { test as base } from 'vitest'
import type { Guest } from '../guest/guest.ts'
import { type LaunchRequest, launch } from '../launch.ts'
import type { MachineInput } from '../machine/machine.ts'
import { defaultMachine } from './default-machine.ts'
import { evidenceMark, evidenceOf } from './evidence.ts'
import { closeAll } from './fixtures.ts'
import { addWithForks, refuseCrashes, watchEnd } from './unseen-crash.ts'

/**
 * Vitest's `test` with a `guest` that is booted once for a file or a worker, for tests that leave it as they found it.
 * A test that begins after the guest has ended fails, and names how the guest ended.
 *
 * @param scope `file`: one guest for the tests of this file. `worker`: one for all files of a Vitest worker.
 * @param machine A description, or the name of a machine in the project's config. Default: its default machine.
 * @param request Profile, folder and the like. `origin` is `state` by default, as for the other guests of tests.
 * @example
 * const shared = testWithGuestPer('file', { memory: '512M' }, { profile: 'linux' })
 * shared('has a kernel', async ({ guest }) => {
 *   await expect(guest).toRun(['uname', '-s'], { stdout: 'Linux\n' })
 * })
 */
export function testWithGuestPer(
  scope: 'file' | 'worker',
  machine?: MachineInput | string,
  request: LaunchRequest = {},
) {
  let hasFailed = false
  return (
    base
      // Vitest has one overload per scope, and reads the names of needed fixtures from the pattern: none here.
      // biome-ignore lint/correctness/noEmptyPattern: Vitest refuses any other first parameter
      .extend('guest', { scope: scope as 'file' }, async ({}, { onCleanup }): Promise<Guest> => {
        const folder = mkdtempSync(join(tmpdir(), 'bringup-test-'))
        const chosen = machine ?? (await defaultMachine(request.folder))
        const guest = await launch(chosen, { state: folder, origin: 'state', ...request })
        const guests = new Map<Guest, () => boolean>()
        addWithForks(guest, {
          add: (one) => guests.set(one, watchEnd(one)),
          forget: (fork) => guests.delete(fork),
        })
        onCleanup(async () => {
          const unseen = [...guests].flatMap(([one, isSeen]) => (isSeen() ? [] : one))
          const ends = await closeAll([...guests.keys()])
          if (!hasFailed) refuseCrashes(ends.filter(([one]) => unseen.includes(one)))
          if (!hasFailed) rmSync(folder, { recursive: true, force: true })
        })
        return guest
      })
      .extend('guestEvidence', { auto: true }, async ({ guest, task }, { onCleanup }) => {
        if (guest.hasEnded) {
          const { meaning } = await guest.done
          throw new Error(`the shared guest ended before this test: ${meaning}\n${evidenceMark(guest)}`)
        }
        onCleanup(() => {
          const error = task.result?.state === 'fail' ? task.result.errors?.[0] : undefined
          if (!error) return
          hasFailed = true
          if (!error.message.includes(evidenceMark(guest))) error.message += `\n\n${evidenceOf(guest)}`
        })
      })
  )
}
