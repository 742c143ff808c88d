/** Runs the commands of a build in a container. The tree lies where it lies outside, so no path has to be changed. */
import type { Executor } from '../build/executor.ts'
import type { Container } from './container.ts'

/** A constant: prints those of its arguments that are no programs inside. */
const MISSING = 'for program; do command -v "$program" >/dev/null || echo "$program"; done'

export function containerExecutor(container: Container, image: string): Executor {
  return {
    name: `container ${image}`,
    async missing(programs) {
      const chunks: Buffer[] = []
      const named = programs.filter((p) => !p.includes('/'))
      if (named.length === 0) return []
      await container.run(
        { argv: ['sh', '-c', MISSING, 'sh', ...named] },
        { onOutput: (chunk) => void chunks.push(chunk), signal: new AbortController().signal },
      )
      return Buffer.concat(chunks).toString().split('\n').filter(Boolean)
    },
    async run({ argv, cwd, env }, control) {
      const entries = Object.entries(env)
      const unset = entries.flatMap(([name, value]) => (value === null ? [`--unset=${name}`] : []))
      const set = entries.flatMap(([name, value]) => (value === null ? [] : [[name, value] as const]))
      const words = unset.length > 0 ? ['env', ...unset, ...argv] : argv
      const exitCode = await container.run({ argv: words, cwd, env: Object.fromEntries(set) }, control)
      return { exitCode, signal: control.signal.aborted ? 'SIGTERM' : null }
    },
  }
}
