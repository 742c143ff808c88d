/** What `bringup run` adds to a bare QEMU with the same arguments, on the machine that is booted where none is described. */
import { createFiles } from '../src/guest/host-files.ts'
import { measure, spawned } from './measure.ts'
import { bareArgv, CLI, FOLDER, PROBE_STATUS, planOf } from './setting.ts'

export async function bare(): Promise<void> {
  const { plan } = await planOf()
  createFiles(plan.files)
  const argv = await bareArgv()
  await measure({
    title: 'bringup run beside bare QEMU, default machine, probe kernel',
    rounds: 15,
    contenders: [
      { name: 'bare QEMU', run: () => spawned(argv, FOLDER, [PROBE_STATUS]) },
      { name: 'bringup run', run: () => spawned([process.execPath, CLI, 'run', '--accel', 'tcg'], FOLDER) },
      { name: 'node -e 0', run: () => spawned([process.execPath, '-e', '0'], FOLDER) },
    ],
  })
}
