/** How long the command takes that boots nothing. */
import { measure, spawned } from './measure.ts'
import { CLI, FOLDER } from './setting.ts'

export async function cli(): Promise<void> {
  const bringup = (...args: readonly string[]) => spawned([process.execPath, CLI, ...args], FOLDER)
  await measure({
    title: 'The command by itself',
    rounds: 20,
    contenders: [
      { name: 'node -e 0', run: () => spawned([process.execPath, '-e', '0'], FOLDER) },
      { name: 'bringup --version', run: () => bringup('--version') },
      { name: 'bringup --help', run: () => bringup('--help') },
      { name: 'bringup plan', run: () => bringup('plan', '--accel', 'tcg') },
    ],
  })
}
