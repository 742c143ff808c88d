/** A kernel in the short form of the config file, as a build and something to boot laid over a profile. */
import type { BuildGraph } from '../build/graph.ts'
import type { KernelForm } from '../machine/kernel-schema.ts'
import type { MachineInput } from '../machine/machine.ts'
import type { Profile } from './profile.ts'

/** The profile with the kernel's own build, and with what that makes as what is booted. */
export function withKernel(profile: Profile, kernel: KernelForm): Profile {
  const graph = graphOf(kernel)
  return {
    ...profile,
    ...(graph === undefined ? {} : { build: () => graph }),
    prepare: async (context) => {
      const { machine } = await profile.prepare(context)
      return { machine: { ...machine, ...bootOf(kernel, machine) } }
    },
  }
}

function graphOf({ build, folder, env, image, disk }: KernelForm): BuildGraph | undefined {
  if (build === undefined) return undefined
  const commands = build.filter((line) => Array.isArray(line))
  const lines = commands.length > 0 ? commands : [build as string[]]
  const output = image ?? disk
  return {
    targets: [
      {
        id: 'kernel',
        summary: `the kernel, by ${lines.map(([program]) => program).join(' and ')}`,
        ...(output === undefined ? {} : { outputs: [output] }),
        actions: lines.map(([program = '', ...args]) => ({
          kind: 'command',
          argv: [program, ...args],
          ...(folder === undefined ? {} : { cwd: folder }),
          ...(env === undefined ? {} : { env }),
        })),
      },
    ],
  }
}

function bootOf(
  { image, disk, esp }: KernelForm,
  machine: MachineInput,
): Pick<MachineInput, 'boot' | 'devices'> {
  if (image !== undefined) return { boot: { ...machine.boot, kernel: image } }
  if (esp !== undefined) return { boot: { ...machine.boot, firmware: 'uefi', esp } }
  const bootDisk = { kind: 'disk', id: 'boot', file: disk ?? '', format: 'raw', bootindex: 0 } as const
  return {
    boot: { ...machine.boot, firmware: 'bios' },
    devices: [...(machine.devices ?? []), bootDisk],
  }
}
