/** QEMU's migration, used to save and load (qapi/migration.json; docs/devel/migration.rst). */
import type { QemuProcess } from '../qemu/process.ts'
import type { QmpClient } from '../qemu/qmp.ts'
import type { Json } from '../qemu/qmp-types.ts'

/** Final statuses. */
const ENDS = ['completed', 'failed', 'cancelled']

/** Omit shared RAM from the stream; emit MIGRATION events. */
const CAPABILITIES = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }))

/** `query-migrate`, as far as it is used. */
interface MigrationInfo {
  readonly 'error-desc'?: string
  /** Why no migration is possible. */
  readonly 'blocked-reasons'?: readonly string[]
  readonly ram?: { readonly total: number }
}

/**
 * Sends the state of a paused guest to an address of QEMU's, such as `unix:PATH`. Resolves when it is complete.
 *
 * @returns bytes of RAM in the stream: QEMU before 8.2 omits all shared memory, later ones omit named files only
 * @throws QmpError when QEMU refuses it, for example for devices that cannot be migrated; Error with the message of QEMU when it fails later
 */
export async function sendState(
  { qmp }: Pick<QemuProcess, 'qmp'>,
  uri: string,
): Promise<{ readonly ramBytes: number }> {
  await qmp.execute('migrate-set-capabilities', { capabilities: CAPABILITIES })
  const { ram } = await migrated(qmp, 'migrate', uri)
  return { ramBytes: ram?.total ?? 0 }
}

/**
 * Writes the state of the devices of a paused guest to a file, without RAM. The command is meant for Xen, but in every QEMU.
 *
 * @throws QmpError, also for what blocks a migration, which the command itself does not check
 */
export async function saveDevices({ qmp }: Pick<QemuProcess, 'qmp'>, filename: string): Promise<void> {
  const { 'blocked-reasons': [blocked] = [] } = (await qmp.execute('query-migrate')) as MigrationInfo
  if (blocked !== undefined) throw new Error(blocked)
  await qmp.execute('xen-save-devices-state', { filename, live: false })
}

/**
 * Loads a state from a file that QEMU has inherited. The commands are sent right behind those that negotiate QMP, so that QEMU
 * begins as soon as it has made the machine.
 *
 * @throws QmpError, Error with the message of QEMU
 */
export async function loadState({ qmp }: Pick<QemuProcess, 'qmp'>, fd: number): Promise<void> {
  const uri = hasFileUri(await qmp.greeted) ? `file:/proc/self/fd/${fd}` : `fd:${fd}`
  const prepared = qmp.execute('migrate-set-capabilities', { capabilities: CAPABILITIES })
  await Promise.all([prepared, migrated(qmp, 'migrate-incoming', uri)])
}

/** QEMU has `file:` since 8.2, and takes no `fd:` of a file since 11. */
function hasFileUri(greeting: Json): boolean {
  const { version } = greeting as { readonly version?: { readonly qemu?: Readonly<Record<string, number>> } }
  const { major = 0, minor = 0 } = version?.qemu ?? {}
  return major > 8 || (major === 8 && minor >= 2)
}

async function migrated(
  qmp: QmpClient,
  direction: 'migrate' | 'migrate-incoming',
  uri: string,
): Promise<MigrationInfo> {
  let off = () => {}
  const ended = new Promise<string>((resolve) => {
    off = qmp.on('MIGRATION', ({ status }) => {
      if (ENDS.includes(`${status}`)) resolve(`${status}`)
    })
  })
  try {
    await qmp.execute(direction, { uri })
    const status = await Promise.race([ended, endOf(qmp)])
    if (status === 'completed' && direction === 'migrate-incoming') return {}
    const info = (await qmp.execute('query-migrate')) as MigrationInfo
    if (status === 'completed') return info
    throw new Error(info['error-desc'] ?? `the migration ended as ${status}`)
  } finally {
    off()
  }
}

/** Rejects when QEMU ends. */
async function endOf(qmp: QmpClient): Promise<never> {
  for (;;) await qmp.next('MIGRATION')
}
