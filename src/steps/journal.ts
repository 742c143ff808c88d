/**
 * The journal: what each operation has done to this computer, on disk before it is done. One folder an operation:
 * `operation.json` says what it is, `journal.jsonl` what has happened, one line an event, each flushed to the disk.
 */
import { randomBytes } from 'node:crypto'
import { closeSync, fsyncSync, openSync, readdirSync, readFileSync, writeSync } from 'node:fs'
import { isAbsolute, join } from 'node:path'
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { homeFolder } from '../home-folder.ts'
import { makeFolder } from '../own-files.ts'
import { plural } from '../plural.ts'
import type { Json, Step } from './step.ts'

export const problems = defineDiagnostics({
  OPERATION_UNKNOWN: {
    title: 'The operation does not exist.',
    why: 'an id, or a unique prefix of one, names an operation in the journal of this user',
    remedy: '`bringup operations` lists them; operations of root are listed for root only',
  },
})

/** What an operation is; written once, when it begins. */
export interface OperationHead {
  readonly id: string
  /** The command that it belongs to: `setup`, `pmem`. */
  readonly name: string
  /** For people: `install the dependency sets build and run`. */
  readonly title: string
  readonly startedAt: string
  readonly steps: readonly Step[]
}

/** One line of the journal. `step` is an index into the operation's steps. */
export type JournalEvent =
  | { readonly event: 'begin'; readonly step: number; readonly before: Json }
  | { readonly event: 'done'; readonly step: number }
  /** Its change is made and holds after a reboot; `bootId` is that of the boot in which it was made. */
  | { readonly event: 'reboot'; readonly step: number; readonly bootId: string }
  /** It was so already: nothing to undo. */
  | { readonly event: 'passed'; readonly step: number }
  | { readonly event: 'failed'; readonly step: number; readonly what: string }
  | { readonly event: 'undone'; readonly step: number }
  | { readonly event: 'end' }
  | { readonly event: 'undo-begin' }
  | { readonly event: 'undo-end' }

/**
 * - `half-done`: it was killed, interrupted or failed before its last step was done.
 * - `awaiting-reboot`: the rest follows after a reboot of this computer.
 * - `half-undone`: taking it back was begun and not ended.
 */
export type OperationState = 'done' | 'half-done' | 'awaiting-reboot' | 'half-undone' | 'undone'

export interface Operation extends OperationHead {
  readonly folder: string
  readonly state: OperationState
  /** By the step's index: what its change is, and what was before. Only of steps that changed something. */
  readonly changes: readonly { readonly step: number; readonly before: Json; readonly isUndone: boolean }[]
  /** In which boot the change of a step was made that holds from the next boot on. */
  readonly rebootsAfter?: string
  /** What the last failure was, where it failed. */
  readonly failure?: string
}

/** `$XDG_STATE_HOME/bringup/operations`, else `~/.local/state/bringup/operations` (XDG Base Directory Specification). */
export function journalFolder(env: Readonly<Record<string, string | undefined>> = process.env): string {
  const named = env.XDG_STATE_HOME
  const state = named && isAbsolute(named) ? named : join(homeFolder(env), '.local', 'state')
  return join(state, 'bringup', 'operations')
}

/** Writes the events of one operation. */
export interface Journal {
  readonly head: OperationHead
  readonly folder: string
  write(event: JournalEvent): void
  close(): void
}

/** Begins an operation: from here on it is known, whatever happens. */
export function createJournal(root: string, what: Omit<OperationHead, 'id' | 'startedAt'>): Journal {
  const startedAt = new Date().toISOString()
  const id = `${startedAt.slice(0, 19).replaceAll(/[-:]/g, '').replace('T', '-')}-${randomBytes(2).toString('hex')}`
  const folder = join(root, id)
  const head: OperationHead = { id, startedAt, ...what }
  makeFolder(folder)
  writeDurably(join(folder, 'operation.json'), `${JSON.stringify(head)}\n`, 'wx')
  return openJournal(folder, head)
}

/** Goes on with the journal of an operation that was begun before. */
export function openJournal(folder: string, head: OperationHead): Journal {
  const path = join(folder, 'journal.jsonl')
  // A line that was cut short by a power failure must not swallow the next one.
  const before = readText(path)
  if (before !== '' && !before.endsWith('\n')) writeDurably(path, '\n', 'a')
  const fd = openSync(path, 'a', 0o600)
  return {
    head,
    folder,
    write: (event) => {
      writeSync(fd, `${JSON.stringify(event)}\n`)
      fsyncSync(fd)
    },
    close: () => closeSync(fd),
  }
}

/** All operations, oldest first. */
export function listOperations(root: string): readonly Operation[] {
  let names: readonly string[] = []
  try {
    names = readdirSync(root).sort()
  } catch {
    return []
  }
  return names.flatMap((name) => {
    const operation = readOperation(join(root, name))
    return operation ? [operation] : []
  })
}

/** The latest operation of that name that is in force, at least in part. */
export function currentOperation(name: string, root = journalFolder()): Operation | undefined {
  return listOperations(root).findLast(
    (o) => o.name === name && o.state !== 'undone' && o.changes.some(({ isUndone }) => !isUndone),
  )
}

/**
 * The operation of that id, or with that unique beginning.
 *
 * @throws BringupError OPERATION_UNKNOWN
 */
export function findOperation(root: string, id: string): Operation {
  const all = listOperations(root)
  const matches = all.filter((o) => o.id === id || o.id.startsWith(id))
  const found = matches.find((o) => o.id === id) ?? (matches.length === 1 ? matches[0] : undefined)
  if (found) return found
  const what =
    matches.length > 1
      ? `"${id}" is the start of ${plural(matches.length, 'id')} of operations`
      : `there is no operation "${id}"`
  throw new BringupError([problems.OPERATION_UNKNOWN.at('', what)])
}

/** Undefined for a folder whose operation had not begun: nothing was changed then. */
export function readOperation(folder: string): Operation | undefined {
  const head = parse<OperationHead>(readText(join(folder, 'operation.json')))
  if (!head) return undefined
  const events = readText(join(folder, 'journal.jsonl'))
    .split('\n')
    .flatMap((line) => parse<JournalEvent>(line) ?? [])
  return { ...head, folder, ...summarise(events) }
}

/** What the events add up to. Pure. */
export function summarise(
  events: readonly JournalEvent[],
): Pick<Operation, 'state' | 'changes' | 'rebootsAfter' | 'failure'> {
  const changes = new Map<number, { before: Json; isUndone: boolean }>()
  let state: OperationState = 'half-done'
  let rebootsAfter: string | undefined
  let failure: string | undefined
  for (const event of events) {
    if (event.event !== 'failed') failure = undefined
    if (event.event === 'begin' && (changes.get(event.step)?.isUndone ?? true))
      changes.set(event.step, { before: event.before, isUndone: false })
    if (event.event === 'undone') {
      const change = changes.get(event.step)
      if (change) change.isUndone = true
    }
    if (event.event === 'reboot') rebootsAfter = event.bootId
    if (event.event === 'failed') failure = event.what
    state = stateAfter(event, state)
  }
  return {
    state,
    changes: [...changes].map(([step, change]) => ({ step, ...change })),
    ...(state === 'awaiting-reboot' && rebootsAfter !== undefined ? { rebootsAfter } : {}),
    ...(failure === undefined ? {} : { failure }),
  }
}

function stateAfter({ event }: JournalEvent, state: OperationState): OperationState {
  if (event === 'end') return 'done'
  if (event === 'undo-end') return 'undone'
  if (event === 'undo-begin' || state === 'half-undone') return 'half-undone'
  return event === 'reboot' ? 'awaiting-reboot' : 'half-done'
}

function writeDurably(path: string, text: string, flags: string): void {
  const fd = openSync(path, flags, 0o600)
  try {
    writeSync(fd, text)
    fsyncSync(fd)
  } finally {
    closeSync(fd)
  }
}

function readText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}

/** Undefined for what is no JSON: a line that was cut short. */
function parse<T>(text: string): T | undefined {
  try {
    return JSON.parse(text) as T
  } catch {
    return undefined
  }
}
