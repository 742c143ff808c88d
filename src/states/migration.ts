/** QEMU's migration, used to save and load (qapi/migration.json; docs/devel/migration.rst). */
import type { QemuProcess } from '../qemu/process.ts'

/** Final statuses. */
const ENDS = ['completed', 'failed', 'cancelled']

/** Omit shared RAM from the stream; emit MIGRATION events. */
const CAPABILITIES = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }))

/**
 * Writes the state of a guest to an address of QEMU's (`unix:PATH`, `fd:NUMBER`), or reads it from there. Resolves when
 * QEMU is done.
 *
 * @throws QmpError when QEMU refuses it, for example for devices that cannot be migrated; Error with the message of QEMU when it fails later
 */
export async function migrate(
  { qmp }: Pick<QemuProcess, 'qmp'>,
  direction: 'migrate' | 'migrate-incoming',
  uri: string,
): Promise<void> {
  await qmp.execute('migrate-set-capabilities', { capabilities: CAPABILITIES })
  const ended = new Promise<string>((resolve) => {
    const off = qmp.on('MIGRATION', ({ status }) => {
      if (!ENDS.includes(`${status}`)) return
      off()
      resolve(`${status}`)
    })
  })
  const gone = qmp.next('MIGRATION').then(() => ended)
  await qmp.execute(direction, { uri })
  const status = await gone
  if (status === 'completed') return
  const { 'error-desc': said } = (await qmp.execute('query-migrate')) as { readonly 'error-desc'?: string }
  throw new Error(said ?? `the migration ended as ${status}`)
}
