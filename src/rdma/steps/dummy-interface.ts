/** Step: a network interface of this computer's own, which is not connected. */
import * as z from 'zod'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'

/** The name of a network device (linux/if.h: IFNAMSIZ). */
export const zInterface = z.string().regex(/^[^\s/]{1,15}$/)

const schema = z.object({ name: zInterface })

export const dummyInterface = defineStep<z.output<typeof schema>, { readonly wasThere: boolean }>({
  kind: 'rdma.interface',
  schema,
  needs: ['root'],
  describe: ({ name }) => `make the network interface ${name}, which is not connected`,
  async check({ name }, host) {
    const state = stateOf(name, host)
    if (state === 'up') return { state: 'done', detail: 'exists, and is up' }
    const add = { argv: ['ip', 'link', 'add', name, 'type', 'dummy'], asRoot: true }
    const up = { argv: ['ip', 'link', 'set', 'dev', name, 'up'], asRoot: true }
    return {
      state: 'change',
      detail: state === 'down' ? 'is down' : 'does not exist',
      before: { wasThere: state === 'down' },
      commands: state === 'down' ? [up] : [add, up],
    }
  },
  async undo({ name }, { wasThere }, host) {
    const state = stateOf(name, host)
    if (state === undefined || (wasThere && state === 'down')) return { state: 'done', detail: 'as before' }
    const argv = wasThere ? ['ip', 'link', 'set', 'dev', name, 'down'] : ['ip', 'link', 'delete', name]
    return {
      state: 'change',
      detail: wasThere ? 'take it down' : 'remove it',
      commands: [{ argv, asRoot: true }],
    }
  },
})

/** Undefined where it does not exist. IFF_UP is bit 0 of the flags. */
export function stateOf(name: string, host: HostReader): 'up' | 'down' | undefined {
  const flags = host.read(`/sys/class/net/${name}/flags`)?.toString()
  if (flags === undefined) return undefined
  return (Number(flags.trim()) & 1) === 1 ? 'up' : 'down'
}
