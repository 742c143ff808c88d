/** Stands for a bringup that uses a service: starts or joins it, says what happens a line each, ends when its standard input does. */
import { BringupError } from '../../src/diagnostics.ts'
import { parseService, type ServiceInput } from '../../src/services/service.ts'
import { startService } from '../../src/services/start-service.ts'

const say = (message: object) => process.stdout.write(`${JSON.stringify(message)}\n`)
try {
  const spec = parseService(JSON.parse(process.argv[2] ?? '{}') as ServiceInput)
  const service = await startService(spec, { onEvent: (event) => say(event) })
  say({ kind: 'in use', pid: service.pid, folder: service.folder })
  await new Promise((resolve) => process.stdin.resume().once('end', resolve))
  await service[Symbol.asyncDispose]()
  say({ kind: 'out of use' })
} catch (error) {
  if (!(error instanceof BringupError)) throw error
  say({ kind: 'refused', code: error.code })
}
process.exit()
