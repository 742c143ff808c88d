/** Step: a Python package in a virtual environment of this user's. Source: venv in Python's library reference, pip(1). */
import { join } from 'node:path'
import * as z from 'zod'
import type { HostReader } from '../../steps/host-reader.ts'
import { defineStep } from '../../steps/step.ts'
import { explainDownload } from '../explain-download.ts'

const schema = z.object({
  /** On PyPI. */
  package: z.string().regex(/^[\w.-]+$/),
  /** Folder of the environment; absolute. */
  environment: z.string().startsWith('/'),
})

/** Whether the environment was there, and the package in it. */
interface Before {
  readonly environment: boolean
  readonly package: boolean
  readonly [key: string]: boolean
}

export const venvInstall = defineStep<z.output<typeof schema>, Before>({
  kind: 'python.install',
  schema,
  needs: ['network'],
  describe: ({ package: name }) => `install ${name} by pip in an environment of its own`,
  async check({ package: name, environment }, host) {
    const hasEnvironment = host.stat(python(environment)) !== undefined
    const version = hasEnvironment ? await versionIn(environment, name, host) : undefined
    if (version !== undefined) return { state: 'done', detail: version }
    return {
      state: 'change',
      detail: `in ${environment}`,
      before: { environment: hasEnvironment, package: false },
      commands: [
        ...(hasEnvironment ? [] : [{ argv: ['python3', '-m', 'venv', environment] }]),
        { argv: [python(environment), '-m', 'pip', 'install', '--disable-pip-version-check', name] },
      ],
    }
  },
  async undo({ package: name, environment }, was, host) {
    if (!was.environment)
      return host.stat(environment)
        ? {
            state: 'change',
            detail: 'remove the environment',
            commands: [{ argv: ['rm', '--recursive', environment] }],
          }
        : { state: 'done', detail: 'removed' }
    if ((await versionIn(environment, name, host)) === undefined) return { state: 'done', detail: 'removed' }
    return {
      state: 'change',
      detail: 'remove it',
      commands: [{ argv: [python(environment), '-m', 'pip', 'uninstall', '--yes', name] }],
    }
  },
  explain: async (_params, lines) => explainDownload(lines),
})

const python = (environment: string) => join(environment, 'bin/python3')

async function versionIn(environment: string, name: string, host: HostReader): Promise<string | undefined> {
  const { stdout, exitCode } = await host.ask([python(environment), '-m', 'pip', 'show', name])
  return exitCode === 0 ? /^Version: (\S+)/m.exec(stdout)?.[1] : undefined
}
