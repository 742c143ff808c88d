/** Stands for a bringup: starts a guard and one process, tells it to begin, says its number, and ends when its standard input does. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { startGuard } from '../../src/processes/guard.ts'

const { graceMs, isWatched, argv } = JSON.parse(process.argv[2] ?? '{}')
const guard = startGuard({ graceMs })
const [command, ...args] = argv
const child = spawn(command, args, {
  stdio: ['pipe', 'pipe', 'inherit'],
  detached: true,
  env: { ...process.env, ...guard.environment },
})
if (isWatched) {
  if (child.pid !== undefined) guard.watch(child.pid)
  child.stdin.on('error', () => {}).write('begin\n')
  const [text] = await once(child.stdout, 'data')
  process.stdout.write(String(text))
} else process.stdout.write(`${child.pid}\n`)
await once(process.stdin.resume(), 'end')
guard[Symbol.dispose]()
await once(guard.process, 'close')
process.exit()
