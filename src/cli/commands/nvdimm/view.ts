/** How stores are said: to people, and as JSON. */
import type { StoreEnd, StoreUse } from '../../../machine/facts.ts'
import { describedStores } from '../../../project/described-stores.ts'
import type { Project } from '../../../project/project.ts'
import { storeName } from '../../../stores/place.ts'
import type { Store } from '../../../stores/store.ts'
import { formatBytes, GiB, KiB, MiB, parseBytes } from '../../../units.ts'
import type { ArgumentSpec } from '../../command.ts'
import type { Colors } from '../../output.ts'
import { usageError } from '../../usage.ts'

export const STORE_ARGUMENT: ArgumentSpec = {
  name: '<store>',
  description: 'name in this project, MACHINE/ID, or a path',
  from: 'stores',
}

/** What `--json` prints of a store. */
export function storeJson(store: Store, project: Project) {
  return {
    name: storeName(store.path, project) ?? null,
    path: store.path,
    kind: store.kind,
    bytes: store.bytes,
    allocatedBytes: store.allocatedBytes,
    size: store.size,
    label: store.label,
    tail: store.tail?.kind ?? null,
    isClean: store.isClean ?? null,
    lastUse: store.lastUse ?? null,
    lockedBy: store.lockedBy ?? null,
    machines: describedBy(store, project),
  }
}

/** Which NVDIMMs of the project keep their content there. */
export function describedBy(store: Store, project: Project) {
  return describedStores(project)
    .filter(({ path }) => path === store.path)
    .map(({ machine, device }) => ({ machine, device }))
}

/** The name where it has one. */
export function nameOf(store: Store, project: Project): string {
  return storeName(store.path, project) ?? store.path
}

const ENDS: Readonly<Record<StoreEnd, string>> = {
  running: 'still runs',
  'guest-ended': 'in good order',
  'guest-crashed': 'the guest crashed',
  stopped: 'stopped while the guest ran',
  killed: 'QEMU was killed',
  unknown: 'bringup was killed, or the computer failed',
  elsewhere: 'not recorded',
}

/** How the last use ended, in words; coloured where it is worth a look. */
export function endText(use: StoreUse | undefined, colors: Colors): string {
  if (!use) return ''
  const text = use.host === undefined ? ENDS[use.end] : `not recorded; it began on ${use.host}`
  if (use.end === 'guest-ended') return colors.green(text)
  return ['running', 'stopped', 'elsewhere'].includes(use.end) ? colors.yellow(text) : colors.red(text)
}

/** A size that need not be exact. */
export function roughly(bytes: number): string {
  const [factor, suffix] = bytes >= GiB ? [GiB, 'G'] : bytes >= MiB ? [MiB, 'M'] : [KiB, 'K']
  return `${Number((bytes / (factor as number)).toFixed(1))}${suffix}`
}

/** A store in a few lines. */
export function describe(store: Store, project: Project, colors: Colors): readonly string[] {
  const field = (name: string, value: string) => `${colors.dim(name.padEnd(12))}${value}`
  const { lastUse, lockedBy, record, daxDevice } = store
  const machines = describedBy(store, project).map((d) => `${d.machine} (${d.device})`)
  return [
    field('store', colors.bold(nameOf(store, project))),
    field('path', store.path),
    field(
      'size',
      `${formatBytes(store.size)}${store.kind === 'file' ? `, ${roughly(store.allocatedBytes)} of it on the disk` : ''}`,
    ),
    field(
      'label area',
      store.label === 0 ? 'none' : `${formatBytes(store.label)}, behind the ${formatBytes(store.size)}`,
    ),
    ...(daxDevice
      ? [
          field(
            'DAX device',
            `alignment ${formatBytes(daxDevice.align)}, node ${daxDevice.node ?? 'not reported'}`,
          ),
        ]
      : []),
    field(
      'last used',
      lastUse
        ? `by ${lastUse.machine} as ${lastUse.device}, ${lastUse.beganAt}, run ${lastUse.run}`
        : 'never, as far as is written down',
    ),
    ...(lastUse ? [field('ended', endText(lastUse, colors))] : []),
    ...(record && !record.isOfThisFile
      ? [field('record', colors.yellow('of another file: this is a copy, or has replaced it'))]
      : []),
    ...(record?.resizingTo
      ? [field('record', colors.red(`a resize to ${formatBytes(record.resizingTo.size)} was not finished`))]
      : []),
    field(
      'held by',
      lockedBy
        ? `process ${lockedBy.pid} (${lockedBy.command}), ${lockedBy.mode === 'read' ? 'shared' : 'alone'}`
        : 'nobody',
    ),
    ...(machines.length > 0 ? [field('described', machines.join(', '))] : []),
  ]
}

/** @throws BringupError USAGE */
export function sizeFrom(what: string, value: unknown): number {
  const bytes = typeof value === 'string' ? parseBytes(value) : undefined
  if (bytes !== undefined) return bytes
  throw usageError(`${what} wants a size such as 512M, not "${String(value)}"`)
}

/** An option that may be omitted. */
export function sizeOption(flag: string, value: unknown): number | undefined {
  return value === undefined ? undefined : sizeFrom(flag, value)
}
