/** Step: a user can open the device files of an RDMA device, until the next boot. */
import * as z from 'zod'
import { mayOpen } from '../../host/device-access.ts'
import { filesOf, readRdmaDevices } from '../../host/rdma.ts'
import { defineStep } from '../../steps/step.ts'

const schema = z.object({ device: z.string(), uid: z.int().nonnegative() })

/** Owners before, by path. */
type Before = { readonly [path: string]: number }

export const rdmaAccess = defineStep<z.output<typeof schema>, Before>({
  kind: 'rdma.access',
  schema,
  needs: ['root'],
  describe: ({ device, uid }) => `let user ${uid} open the device files of ${device}`,
  async check({ device, uid }, host) {
    const files = filesOf(readRdmaDevices().filter(({ name }) => name === device))
    if (files.length === 0) return { state: 'later', detail: `once ${device} is there` }
    const closed = files.filter((file) => !mayOpen(file))
    if (closed.length === 0) return { state: 'done', detail: 'it can' }
    return {
      state: 'change',
      detail: `${closed.join(', ')} cannot be opened`,
      before: Object.fromEntries(closed.map((file) => [file, host.stat(file)?.uid ?? 0])),
      commands: [{ argv: ['chown', `${uid}`, ...closed], asRoot: true }],
    }
  },
  async undo({ uid }, before, host) {
    const changed = Object.entries(before).filter(([file]) => host.stat(file)?.uid === uid)
    if (changed.length === 0) return { state: 'done', detail: 'as before' }
    return {
      state: 'change',
      detail: 'give them back',
      commands: changed.map(([file, owner]) => ({ argv: ['chown', `${owner}`, file], asRoot: true })),
    }
  },
})
