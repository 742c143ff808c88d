/** Step: a program has capabilities, so that it need not run as root. Source: setcap(8), getcap(8), capabilities(7). */
import * as z from 'zod'
import { findProgram } from '../../host/tools.ts'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'

const schema = z.object({
  program: z.string().regex(/^[\w.+-]+$/),
  capabilities: z.array(z.string().regex(/^cap_\w+$/)).nonempty(),
})

type Params = z.output<typeof schema>

/** What the file had: `cap_net_raw=ep` as setcap takes it, empty for none. */
interface Before {
  readonly path: string
  readonly was: string
  readonly [key: string]: string
}

export const setcap = defineStep<Params, Before>({
  kind: 'host.setcap',
  schema,
  needs: ['root'],
  describe: ({ program, capabilities }) => `let ${program} have ${capabilities.join(', ')} without root`,
  async check({ program, capabilities }, host) {
    const path = findProgram(program)
    if (path === undefined) return { state: 'later', detail: `once ${program} is installed` }
    const was = await capabilitiesOf(path, host)
    if (has(was, capabilities)) return { state: 'done', detail: `${path} ${was}` }
    return {
      state: 'change',
      detail: `${path} has ${was === '' ? 'none' : was}`,
      before: { path, was },
      commands: [{ argv: ['setcap', `${capabilities.join(',')}+ep`, path], asRoot: true }],
    }
  },
  async undo({ capabilities }, { path, was }, host) {
    if (!host.stat(path)) return { state: 'done', detail: `${path} is gone` }
    const now = await capabilitiesOf(path, host)
    if (now === was || !has(now, capabilities)) return { state: 'done', detail: 'unchanged' }
    const argv = was === '' ? ['setcap', '-r', path] : ['setcap', was, path]
    return { state: 'change', detail: 'remove them', commands: [{ argv, asRoot: true }] }
  },
})

/** `/usr/bin/tcpdump cap_net_admin,cap_net_raw=ep`, without the path. Empty for none. */
export async function capabilitiesOf(path: string, host: HostReader): Promise<string> {
  const getcap = findProgram('getcap')
  if (getcap === undefined) return ''
  const { stdout } = await host.ask([getcap, path])
  return stdout.trim().replace(path, '').replace(/^ = /, '').trim()
}

/** Whether all of them are permitted and effective. Pure. */
export function has(text: string, capabilities: readonly string[]): boolean {
  const granted = text.split(/\s+/).flatMap((clause) => {
    const [, names = '', flags = ''] = /^([\w,]+)[=+](\w+)$/.exec(clause) ?? []
    return flags.includes('e') && flags.includes('p') ? names.split(',') : []
  })
  return capabilities.every((name) => granted.includes(name))
}
