/** QEMU's migration as a way to a file and back (qapi/migration.json; docs/devel/migration.rst). */
import type { QemuProcess } from '../qemu/process.ts'

/** `postcopy` and the like are never asked for, so these are the ends. */
const ENDS = ['completed', 'failed', 'cancelled']

/** Shared RAM stays out of the stream, and every change of the status is told. */
const CAPABILITIES = ['x-ignore-shared', 'events'].map((capability) => ({ capability, state: true }))

/**
 * Writes the state of a guest to an address of QEMU's (`unix:PATH`, `fd:NUMBER`), or reads it from there. Resolves when
 * QEMU is done.
 *
 * @throws QmpError when QEMU refuses it, as it does for devices that cannot be saved; Error with what QEMU said when it fails on the way
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
