/** What the benches share: the built command, an empty project, plans. */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import type { Project } from 'bringup'
import type { MachineInput } from '../src/machine/machine.ts'
import { pasteArgv } from '../src/plan/plan.ts'
import { planGuest } from '../src/project/planning.ts'
import { DEFAULT_MACHINE } from '../src/project/project.ts'

/** The command as it is installed. */
export const CLI = fileURLToPath(new URL('../dist/cli/bin.js', import.meta.url))
if (!existsSync(CLI)) throw new Error(`${CLI} is missing: npm run build`)

/** An empty folder, gone when the process ends. */
export const FOLDER = mkdtempSync(join(tmpdir(), 'bringup-bench-'))
process.on('exit', () => rmSync(FOLDER, { recursive: true, force: true }))

/** QEMU's exit status when the probe kernel says 16 to isa-debug-exit, that it is content. */
export const PROBE_STATUS = (16 << 1) | 1

export function projectOf(machine: MachineInput = DEFAULT_MACHINE): Project {
  return {
    folder: FOLDER,
    machines: { default: { ...machine, accel: 'tcg' } },
    racks: {},
    defaultMachine: 'default',
    profile: 'probe',
    profiles: [],
    stateFolder: join(FOLDER, '.bringup'),
    configFile: join(FOLDER, 'bringup.config.ts'),
  }
}

export const planOf = async (machine?: MachineInput) => planGuest({ project: projectOf(machine) })

/** The same machine without bringup around it: the console is a pipe, nothing supervises. */
export async function bareArgv(machine?: MachineInput): Promise<readonly string[]> {
  const { plan } = await planOf(machine)
  return pasteArgv(plan)
    .map((arg) => arg.replace(/^stdio,id=console,mux=on$/, 'stdio,id=console,signal=off'))
    .filter((arg, i, all) => arg !== '-mon' && all[i - 1] !== '-mon')
}
