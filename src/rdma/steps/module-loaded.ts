/** Step: a kernel module is loaded. */
import * as z from 'zod'
import { defineStep } from '../../steps/step.ts'
import { isPresent, loadedModules, problems } from '../modules.ts'

export const zModule = z.string().regex(/^\w+$/)

const schema = z.object({
  module: zModule,
  /** Newer kernels have it in a library, so that it is no module. */
  isOptional: z.boolean(),
})

export const moduleLoaded = defineStep<z.output<typeof schema>, null>({
  kind: 'rdma.module-loaded',
  schema,
  needs: ['root'],
  describe: ({ module }) => `load the kernel module ${module}`,
  async check({ module, isOptional }, host) {
    if (isPresent(module, host)) return { state: 'done', detail: 'loaded, or part of the kernel' }
    if (loadedModules(host) === undefined)
      return isOptional
        ? { state: 'done', detail: 'this kernel has no modules' }
        : {
            state: 'blocked',
            diagnostics: [
              problems.RDMA_MODULES_UNSUPPORTED.at(
                '',
                `this kernel has no ${module}, and cannot load modules`,
              ),
            ],
          }
    const { exitCode, isMissing } = await host.ask(['modprobe', '--dry-run', module])
    if (exitCode !== 0 && !isMissing) {
      if (isOptional) return { state: 'done', detail: 'this kernel does without it' }
      return {
        state: 'blocked',
        diagnostics: [problems.RDMA_MODULE_MISSING.at('', `no module ${module} for this kernel`)],
      }
    }
    return {
      state: 'change',
      detail: 'not loaded',
      before: null,
      commands: [{ argv: ['modprobe', module], asRoot: true }],
    }
  },
  async undo({ module }, _, host) {
    const loaded = loadedModules(host)?.get(module)
    if (!loaded) return { state: 'done', detail: 'not loaded' }
    if (loaded.uses > 0) {
      const users = loaded.usedBy.length > 0 ? loaded.usedBy.join(', ') : 'programs'
      return { state: 'done', detail: `stays: ${users} use it now` }
    }
    return { state: 'change', detail: 'unload it', commands: [{ argv: ['rmmod', module], asRoot: true }] }
  },
})
