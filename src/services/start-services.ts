/** The services of one run: started in order, ended in reverse. */
import { join } from 'node:path'
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { problems } from './problems.ts'
import type { ServiceSpec } from './service.ts'
import { type Service, type ServiceOptions, startService } from './start-service.ts'

export interface ServicesOptions extends Omit<ServiceOptions, 'logPath' | 'enter'> {
  /** Words before the command of a service. */
  readonly enter?: (spec: ServiceSpec) => ServiceOptions['enter']
  /** Folder of the run; the log of a service is `services/NAME/log` in it. */
  readonly runFolder?: string
}

/** Disposing of it ends them, the last one first. */
export interface Services extends AsyncDisposable {
  readonly byName: ReadonlyMap<string, Service>
  /** Resolves when the first of them dies. Never rejects. */
  readonly died: Promise<Diagnostic>
}

/**
 * Starts services one after another, each once the one before it is ready. Either all are ready, or none is left.
 *
 * @throws BringupError SERVICE_NAME_TWICE, and what `startService` throws
 * @example
 * const named = (name: string) => parseService({ name, argv: ['sleep', '1000'] })
 * await using services = await startServices([named('first'), named('second')])
 * console.log([...services.byName.keys()])
 */
export async function startServices(
  specs: readonly ServiceSpec[],
  { runFolder, enter, ...options }: ServicesOptions = {},
): Promise<Services> {
  const twice = specs.filter(({ name }, i) => specs.findIndex((other) => other.name === name) < i)
  if (twice.length > 0)
    throw new BringupError(
      twice.map(({ name }) => problems.SERVICE_NAME_TWICE.at('', `two services are named "${name}"`)),
    )
  const services: Service[] = []
  const end = async () => {
    for (const service of services.splice(0).reverse()) await service[Symbol.asyncDispose]()
  }
  try {
    for (const spec of specs) {
      const logPath =
        runFolder === undefined ? {} : { logPath: join(runFolder, 'services', spec.name, 'log') }
      const before = enter?.(spec)
      services.push(
        await startService(spec, { ...options, ...logPath, ...(before ? { enter: before } : {}) }),
      )
    }
  } catch (error) {
    await end()
    throw error
  }
  return {
    byName: new Map(services.map((service) => [service.name, service])),
    died:
      services.length === 0 ? new Promise(() => {}) : Promise.race(services.map((service) => service.died)),
    [Symbol.asyncDispose]: end,
  }
}
