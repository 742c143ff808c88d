/** A kernel in the short form of the config file, as a build and something to boot laid over a profile. */
import type { BuildGraph } from '../build/graph.ts'
import type { MachineInput } from '../machine/machine.ts'
import type { Judgement } from '../plan/plan.ts'
import type { DependencySet } from '../setup/dependency.ts'
import { dependenciesOf, unknownTool } from './build-dependencies.ts'
import type { KernelForm } from './kernel-schema.ts'
import type { Profile } from './profile.ts'

/** The profile with what the project's kernel says about passing and failing, for another build of that kernel. */
export function judgedAs(profile: Profile, kernel: KernelForm): Profile {
  return { ...profile, judgement: judgementOf(kernel, profile.judgement) }
}

/** The profile with the kernel's own build, and with what that makes as what is booted. */
export function withKernel(profile: Profile, kernel: KernelForm): Profile {
  const graph = graphOf(kernel)
  const { preview } = profile
  return {
    ...judgedAs(profile, kernel),
    ...(graph === undefined
      ? {}
      : { build: () => graph, dependencies: withTools(profile.dependencies ?? [], graph, kernel.tools) }),
    prepare: async (context) => {
      const { machine, ...more } = await profile.prepare(context)
      return { ...more, machine: { ...machine, ...bootOf(kernel, machine) } }
    },
    ...(preview === undefined
      ? {}
      : {
          preview: async (context) => {
            const { machine, ...more } = await preview(context)
            return { ...more, machine: { ...machine, ...bootOf(kernel, machine) } }
          },
        }),
  }
}

function judgementOf({ exitCodes = {}, passPatterns, panicPatterns }: KernelForm, by: Judgement): Judgement {
  const meanings = Object.entries(exitCodes).map(([code, said]) => {
    const meaning = { verdict: said, meaning: `the guest exited with ${code}` }
    return [code, typeof said === 'string' ? meaning : said]
  })
  return {
    ...withPassPatterns(by, passPatterns),
    exitCodes: { ...by.exitCodes, ...Object.fromEntries(meanings) },
    panicPatterns: [...by.panicPatterns, ...(panicPatterns ?? [])],
  }
}

/** Further patterns that prove a pass. */
export function withPassPatterns(by: Judgement, more: readonly string[] = []): Judgement {
  return more.length === 0 ? by : { ...by, passPatterns: [...(by.passPatterns ?? []), ...more] }
}

/** The profile's sets, with the programs that the build names in `build`; those of no known package are left to the build. */
function withTools(
  sets: readonly DependencySet[],
  { targets }: BuildGraph,
  tools: readonly string[] = [],
): readonly DependencySet[] {
  const own = sets.find((set) => set.name === 'build')
  const argvs = targets.flatMap((t) => t.actions.flatMap((a) => (a.kind === 'command' ? [a.argv] : [])))
  const started = [...new Set(argvs.map(([program = '']) => program))]
  const programs = [
    ...started.flatMap((program) => dependenciesOf(program, 'builds the kernel') ?? []),
    ...tools.flatMap(
      (tool) => dependenciesOf(tool, 'the build calls it') ?? [unknownTool(tool, 'the build calls it')],
    ),
  ]
  const added = [...new Map(programs.map((one) => [JSON.stringify({ ...one, why: '' }), one])).values()]
  if (added.length === 0) return sets
  const summary = own?.summary ?? 'what the build of the kernel calls'
  const dependencies = [...(own?.dependencies ?? []), ...added]
  return [...sets.filter((set) => set !== own), { name: 'build', summary, dependencies }]
}

function graphOf({ build, folder, env, image, disk, iso, floppy, esp }: KernelForm): BuildGraph | undefined {
  if (build === undefined) return undefined
  const commands = build.filter((line) => Array.isArray(line))
  const lines = commands.length > 0 ? commands : [build as string[]]
  const outputs = [image, ...disksIn(disk), iso, floppy, esp].filter((path) => path !== undefined)
  return {
    targets: [
      {
        id: 'kernel',
        summary: `the kernel, by ${lines.map(([program]) => program).join(' and ')}`,
        ...(outputs.length === 0 ? {} : { outputs }),
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

/** What firmware boots a medium by; a machine that says otherwise wins. */
type Booted = Pick<MachineInput, 'boot' | 'devices' | 'type'>

function bootOf(kernel: KernelForm, machine: MachineInput): Booted {
  const { image, esp, iso, floppy } = kernel
  if (image !== undefined) return { boot: { ...machine.boot, kernel: image } }
  if (esp !== undefined) return { boot: { ...machine.boot, firmware: 'uefi', esp } }
  const devices = [...(machine.devices ?? []), ...mediaOf(kernel)]
  const boot = { ...machine.boot, firmware: machine.boot?.firmware ?? 'bios' } as const
  // Small kernels drive the ports of IDE and the floppy controller of a PC, which a q35 does not have.
  const isOld = floppy !== undefined || (iso === undefined && (kernel.bus ?? 'ide') === 'ide')
  return { boot, devices, ...(isOld && machine.type === undefined ? { type: 'pc' } : {}) }
}

function mediaOf({ disk, iso, floppy, bus }: KernelForm): NonNullable<MachineInput['devices']> {
  if (floppy !== undefined) return [{ kind: 'floppy', id: 'boot', file: floppy, bootindex: 0 }]
  if (iso !== undefined)
    return [
      {
        kind: 'cdrom',
        id: 'boot',
        file: iso,
        bootindex: 0,
        bus: bus === 'scsi' || bus === 'usb' ? bus : 'ide',
      },
    ]
  return disksIn(disk).map((file, n) => ({
    kind: 'disk',
    id: n === 0 ? 'boot' : `disk${n}`,
    file,
    format: 'raw',
    bus: bus ?? 'ide',
    ...(n === 0 ? { bootindex: 0 } : {}),
  }))
}

const disksIn = (disk: KernelForm['disk']): readonly string[] =>
  disk === undefined ? [] : typeof disk === 'string' ? [disk] : disk
