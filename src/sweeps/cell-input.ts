/** The input of a cell: all that decides how its runs end. Attempts with the same digest had equal input. */
import { hash } from 'node:crypto'
import { statSync } from 'node:fs'
import { resolve } from 'node:path'
import { pathsOf } from '../plan/place.ts'
import type { GuestPlan } from '../plan/plan.ts'
import { cacheFolder } from '../project/cache-folder.ts'
import type { PlannedRun } from '../project/run-planning.ts'
import { contentOf } from '../qemu/cache.ts'
import { readOnce } from '../read-once.ts'

/** What the digest is made of. */
export interface CellInput {
  /** Digest of the description: arguments, command, time limit, networks, services. */
  readonly described: string
  /** What the runs read, and its content: of disks size and time of change. */
  readonly files: Readonly<Record<string, string>>
}

/** Options of QEMU whose value is a file that is read before the guest runs. */
const READ_WHOLE = new Set(['-kernel', '-initrd', '-dtb', '-bios'])

/** Stores are made anew for each attempt, and what the guest writes changes with it: neither belongs to the input. */
export function inputOf({ plan }: PlannedRun): CellInput {
  const { guests, networks, services } = plan
  const parts = guests.map(({ args, accelerator, command, judgement, timeoutMs }) => [
    args,
    accelerator.name,
    command,
    judgement,
    timeoutMs,
  ])
  return {
    described: digest([parts, networks, services]),
    files: Object.fromEntries(guests.flatMap(filesOf)),
  }
}

/** The digest that the record has. */
export const digestOfInput = ({ described, files }: CellInput): string =>
  digest([described, Object.entries(files).toSorted(([a], [b]) => (a < b ? -1 : 1))])

/** The same input with the files as they are now, and the paths of those that have changed. */
export function inputNow(planned: CellInput): {
  readonly input: string
  readonly changed: readonly string[]
} {
  const files = Object.fromEntries(
    Object.entries(planned.files).map(([path, state]) => [path, stateOf(path, isByTime(state))]),
  )
  const changed = Object.keys(files).filter((path) => files[path] !== planned.files[path])
  return { input: digestOfInput({ ...planned, files }), changed }
}

function filesOf({
  args,
  qemu,
  locks,
  stores,
  name,
  machine,
  command,
}: GuestPlan): readonly (readonly [string, string])[] {
  const read = args.flatMap(([flag, value]) => (READ_WHOLE.has(flag) && value !== undefined ? [value] : []))
  const written = new Set(
    [...stores, ...locks.filter(({ mode }) => mode === 'exclusive')].map(({ path }) => path),
  )
  const programs = command
    .map((word) => resolve(machine.home?.folder ?? '.', word))
    .filter((path) => readOnce(['is file', path], () => isFile(path)))
  const whole = [qemu.path, ...read, ...programs]
  const others = pathsOf(name, machine).filter((path) => !written.has(path) && !whole.includes(path))
  return [
    ...whole.map((path) => [path, stateOf(path, false)] as const),
    ...others.map((path) => [path, stateOf(path, true)] as const),
  ]
}

const isFile = (path: string) => statSync(path, { throwIfNoEntry: false })?.isFile() === true

const BY_TIME = 'changed '
const isByTime = (state: string) => state.startsWith(BY_TIME)

function stateOf(path: string, byTime: boolean): string {
  return readOnce(['state of file', path, byTime], () => {
    if (!byTime) return contentOr(path)
    const stats = statSync(path, { throwIfNoEntry: false })
    return `${BY_TIME}${stats?.isFile() ? `${stats.size} ${stats.mtimeMs}` : ''}`
  })
}

function contentOr(path: string): string {
  try {
    return contentOf(path, cacheFolder())
  } catch {
    return 'missing'
  }
}

const digest = (value: unknown) => hash('sha256', JSON.stringify(value)).slice(0, 16)
