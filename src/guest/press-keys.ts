/**
 * Presses keys, each one when the guest has taken the last. That can be seen of a PS/2 keyboard: the controller's status
 * says whether a code waits to be read, and the BIOS keeps keys in a ring in low memory until a program asks for them.
 * Sources: QEMU hw/input/pckbd.c (bit 0 of port 0x64); Ralf Brown's list, memory 0040h:001Ah.
 */
import { BringupError, defineDiagnostics } from '../diagnostics.ts'
import { processActivity } from '../host/process-group.ts'
import { startPatience } from '../qemu/patience.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import { type KeyPress, keysOfText, readChord } from '../screen/keys.ts'
import { readMemory, readPort } from '../screen/memory-reader.ts'
import { pause } from '../timer.ts'

export const problems = defineDiagnostics({
  KEY_UNKNOWN: {
    title: 'A key that was to be pressed is not known.',
    why: 'characters are those of a US keyboard; other keys have QEMU’s names (QKeyCode in qapi/ui.json)',
    remedy: 'name keys such as "ret", "esc", "f2", "ctrl-alt-delete", in a list: guest.keys([\'esc\'])',
  },
  KEY_NOT_TAKEN: {
    title: 'The guest did not take a key that was pressed.',
    why: 'its code waits in the keyboard controller; further keys would be lost',
    remedy: 'wait for the prompt before keys are pressed: guest.screen.expect(…), or raise `timeoutMs`',
  },
})

export interface KeyOptions {
  /**
   * How long each key is held, in milliseconds of the guest's time, where it cannot be seen that the guest has taken it
   * (USB and virtio keyboards): 100 unless told.
   */
  readonly holdMs?: number
  /**
   * How long a guest that waits for something may take for one key: 30,000 unless set. A guest that computes has as much
   * CPU time instead, so that a busy computer is no reason to give it up.
   */
  readonly timeoutMs?: number
}

export interface Keyboard {
  readonly qmp: QmpClient
  /** For QEMU's files, which are removed at once. */
  readonly folder: string
  /** QEMU's process, and how many CPUs the guest has. */
  readonly pid: number
  readonly cpus: number
  /** Whether keys go to the PS/2 keyboard. */
  readonly isPs2: boolean
  /** Runs while the guest is not stopped to read its screen: QEMU drops keys of a guest that stands still. */
  readonly alone: <T>(use: () => Promise<T>) => Promise<T>
}

/** @throws BringupError `KEY_UNKNOWN` for each one, `KEY_NOT_TAKEN` */
export async function pressKeys(
  keyboard: Keyboard,
  keys: string | readonly string[],
  { holdMs = HOLD_MS, timeoutMs = TAKE_MS }: KeyOptions = {},
): Promise<void> {
  const known = knownKeys(keys)
  if (!keyboard.isPs2 || !(await hasController(keyboard.qmp))) return holdEach(keyboard, known, holdMs)
  for (const { codes } of known) {
    const before = await biosRing(keyboard)
    for (const isDown of [true, false]) {
      await keyboard.alone(() => send(keyboard.qmp, isDown ? codes : [...codes].reverse(), isDown))
      if (!(await within(keyboard, timeoutMs, () => isTaken(keyboard.qmp)))) throw notTaken(codes, timeoutMs)
    }
    await readFromBios(keyboard, before)
  }
}

function knownKeys(keys: string | readonly string[]): readonly KeyPress[] {
  const presses = typeof keys === 'string' ? keysOfText(keys) : keys.map(readChord)
  const unknown = presses.filter((key): key is { readonly unknown: string } => 'unknown' in key)
  if (unknown.length > 0)
    throw new BringupError(
      unknown.map(({ unknown: key }) =>
        problems.KEY_UNKNOWN.at('', `no key is called ${JSON.stringify(key)}`),
      ),
    )
  return presses as readonly KeyPress[]
}

const notTaken = (codes: readonly string[], timeoutMs: number) =>
  new BringupError([
    problems.KEY_NOT_TAKEN.at(
      '',
      `the guest did not take the key "${codes.join('-')}" within ${timeoutMs} ms`,
    ),
  ])

export const keysEnded = (why: string) =>
  new BringupError([
    problems.KEY_NOT_TAKEN.at('', `${why} before it took all keys`, {
      remedy: 'look at the result of the run: `bringup runs show last`',
    }),
  ])

const TAKE_MS = 30_000
const LOOK_MS = 5

const STATUS = 0x64
/** Of the status: a byte waits, and it is one of the mouse. */
const FULL = 0x01
const OF_MOUSE = 0x20

/** Ports that nothing answers are all ones. */
async function hasController(qmp: QmpClient): Promise<boolean> {
  const status = await readPort(qmp, STATUS)
  return status !== undefined && status !== 0xff
}

function send(qmp: QmpClient, codes: readonly string[], down: boolean): Promise<unknown> {
  const events = codes.map((data) => ({
    type: 'key' as const,
    data: { down, key: { type: 'qcode' as const, data } },
  }))
  return qmp.execute('input-send-event', { events })
}

async function isTaken(qmp: QmpClient): Promise<boolean> {
  const status = (await readPort(qmp, STATUS)) ?? 0
  return (status & FULL) === 0 || (status & OF_MOUSE) !== 0
}

/** A guest that is busy all the time is given up too, after so many times the time of one that waits. */
const MOST_TIMES = 20

/** Looks until it is so; false when the guest has had its time. */
async function within(
  { pid, cpus }: Keyboard,
  timeoutMs: number,
  isSo: () => Promise<boolean>,
): Promise<boolean> {
  let isOver = false
  const times = { withinMs: timeoutMs, mostMs: timeoutMs * MOST_TIMES, cpuMs: timeoutMs * cpus }
  const onOver = () => {
    isOver = true
  }
  const patience = startPatience({ group: pid, ...times }, onOver, processActivity)
  try {
    for (;;) {
      if (await isSo()) return true
      if (isOver) return false
      await pause(LOOK_MS)
    }
  } finally {
    patience.clear()
  }
}

/** Offsets of the first key and behind the last one in the BIOS's data area. */
interface Ring {
  readonly head: number
  readonly tail: number
}

const RING = { at: 0x41a, first: 0x1e, end: 0x3e }
/** A program of the BIOS that has gone leaves its keys there. */
const RING_MS = 2000

/** Undefined where the memory is used for something else. */
async function biosRing({ qmp, folder }: Keyboard): Promise<Ring | undefined> {
  const bytes = await readMemory(qmp, { at: RING.at, bytes: 4, folder })
  const [head, tail] = [bytes.readUInt16LE(0), bytes.readUInt16LE(2)]
  const isPlace = (offset: number) => offset >= RING.first && offset < RING.end && offset % 2 === 0
  return isPlace(head) && isPlace(tail) ? { head, tail } : undefined
}

/** A key that the BIOS has put into its ring is waited for until it is read: the ring has room for 15. */
async function readFromBios(keyboard: Keyboard, before: Ring | undefined): Promise<void> {
  if (before === undefined) return
  await within(keyboard, RING_MS, async () => {
    const ring = await biosRing(keyboard)
    return ring === undefined || ring.tail === before.tail || ring.head === ring.tail
  })
}

const HOLD_MS = 100
/** QEMU keeps 1024 events, of which a key takes four to eight (ui/input.c). */
const KEYS_AT_ONCE = 100

/** QEMU queues keys, holds each one, and pauses as long after it (qmp_send_key in ui/input-legacy.c). */
async function holdEach({ qmp, alone }: Keyboard, known: readonly KeyPress[], holdMs: number): Promise<void> {
  for (let from = 0; from < known.length; from += KEYS_AT_ONCE) {
    const some = known.slice(from, from + KEYS_AT_ONCE)
    for (const { codes } of some)
      await alone(() =>
        qmp.execute('send-key', {
          keys: codes.map((data) => ({ type: 'qcode' as const, data })),
          'hold-time': holdMs,
        }),
      )
    await pause(2 * holdMs * some.length)
  }
}
