/**
 * For tests: one operation in a process of its own, killed by itself at the nth event.
 * Arguments: what to do (`apply`, `resume`, `undo`), the journal's folder, the number of the event (0: never), and for
 * `apply` the steps as JSON. Prints the events that it lived to see.
 */

import { stepKinds } from '../../src/step-registry.ts'
import { applyOperation, type StepEvent } from '../../src/steps/apply.ts'
import { createHostReader } from '../../src/steps/host-reader.ts'
import { createJournal, listOperations, openJournal } from '../../src/steps/journal.ts'
import { lockOperations } from '../../src/steps/operation-lock.ts'
import { findRoot } from '../../src/steps/root.ts'
import { undoOperation } from '../../src/steps/undo.ts'

const [what, root = '', killAt = '0', steps = '[]'] = process.argv.slice(-4)
let events = 0
const onEvent = (event: StepEvent) => {
  events += 1
  process.stdout.write(`${event.kind}\n`)
  if (events === Number(killAt)) process.kill(process.pid, 'SIGKILL')
}
await using _lock = await lockOperations(root)
const earlier = listOperations(root).at(-1)
const journal =
  what === 'apply' || !earlier
    ? createJournal(root, { name: 'test', title: 'a test', steps: JSON.parse(steps) })
    : openJournal(earlier.folder, earlier)
const context = {
  kinds: stepKinds,
  host: createHostReader(new AbortController().signal),
  journal,
  prefix: findRoot(false).prefix,
  onEvent,
}
if (what === 'undo' && earlier) await undoOperation(earlier, context)
else await applyOperation(context, what === 'resume' ? earlier : undefined)
