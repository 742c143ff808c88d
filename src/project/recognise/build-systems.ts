/**
 * Kernels by their build system, where no profile knows the tree. What is booted is read from the QEMU command that the tree
 * has itself, wherever that stands; else from what the build says it makes; else it is a guess, and said to be one.
 */
import { posix } from 'node:path'
import { type Booted, bootedBy } from './booted.ts'
import { BUILD_SYSTEMS, type BuildSystem, type Commands } from './build-detectors.ts'
import { type FoundCommand, placeOf } from './found.ts'
import { commandsInPrograms } from './sources/literals.ts'
import { commandsInCi, commandsInScripts, scriptsOf } from './sources/scripts.ts'
import { toolsOf } from './tools.ts'
import type { ConfigSketch, SketchEntry, SourceTree } from './tree.ts'

/** What the tree is, by its build system; undefined where none is known. */
export function byBuildSystem(tree: SourceTree): ConfigSketch | undefined {
  const systems = BUILD_SYSTEMS.flatMap((detect) => detect(tree) ?? [])
  const own = systems.flatMap((system) => candidates(system.found).map((one) => ({ system, ...one })))
  const [fallback] = systems
  if (!fallback) return undefined
  const others = candidates([...commandsInScripts(tree), ...commandsInPrograms(tree), ...commandsInCi(tree)])
  const chosen = own[0] ?? (others[0] ? { system: fallback, ...others[0] } : undefined)
  const all = [...own, ...others]
  if (chosen) return bootedSketch(tree, chosen.system, { ...chosen, others: namesOf(all, chosen.found) })
  const unread = [
    ...systems.flatMap(({ found }) => found),
    ...commandsInScripts(tree),
    ...commandsInPrograms(tree),
  ]
  const isForPc = ({ command: { target } }: FoundCommand) => target === 'x86_64' || target === 'i386'
  return guessedSketch(tree, fallback, unread.find(isForPc)?.where)
}

interface Candidate {
  readonly found: FoundCommand
  readonly booted: Booted
}

/** Commands that say what they boot, those that people call for it first. */
function candidates(found: readonly FoundCommand[]): readonly Candidate[] {
  return found
    .toSorted((a, b) => placeOf(a.name) - placeOf(b.name))
    .flatMap((one) => {
      const booted = bootedBy(one)
      return booted ? [{ found: one, booted }] : []
    })
}

function namesOf(all: readonly Candidate[], chosen: FoundCommand): readonly string[] {
  const names = all.filter(({ found }) => found !== chosen).map(({ found }) => found.where)
  return [...new Set(names)].filter((name) => name !== chosen.where)
}

const COMMENT = [
  'How it is built, and what comes out: `image` for a kernel that QEMU loads (bzImage, PVH or multiboot ELF),',
  '`disk` for a raw disk image with a boot sector, `iso`, `floppy`, `esp` for a folder with EFI/BOOT/BOOTX64.EFI.',
]

function kernelEntry(
  tree: SourceTree,
  build: Commands,
  rest: Readonly<Record<string, unknown>>,
): SketchEntry {
  const tools = toolsOf(tree, build)
  const [only] = build
  const value = {
    ...(build.length === 0 ? {} : { build: build.length === 1 ? only : build }),
    ...(tools.length === 0 ? {} : { tools }),
    ...rest,
  }
  return { key: 'kernel', value, comment: COMMENT }
}

/** `unread`: where a command for QEMU is that does not say plainly what it boots. */
function guessedSketch(
  tree: SourceTree,
  { what, because, build, output }: BuildSystem,
  unread: string | undefined,
): ConfigSketch {
  return {
    what,
    because,
    entries: [kernelEntry(tree, build, { [output.key]: output.path })],
    remarks: [
      ...(output.isGuess || unread !== undefined
        ? [`the path ${output.path} is a guess: correct kernel.${output.key}`]
        : []),
      ...(unread === undefined
        ? []
        : [
            `the QEMU command of ${unread} does not say plainly what it boots: see \`bringup import ${unread.split(',')[0]}\``,
          ]),
    ],
  }
}

function bootedSketch(
  tree: SourceTree,
  system: BuildSystem,
  { found, booted, others }: Candidate & { readonly others: readonly string[] },
): ConfigSketch {
  const { key, paths, bus, exitCodes } = booted
  const { machine, notes } = withFirmware(tree, system, booted)
  const { build, isGuess } = buildFor(system, found, booted)
  const [path] = paths
  const entry = kernelEntry(tree, build, {
    [key]: paths.length > 1 ? paths : path,
    ...(bus === undefined ? {} : { bus }),
    ...(exitCodes === undefined ? {} : { exitCodes }),
  })
  return {
    what: system.what,
    because: system.because,
    entries: [
      entry,
      {
        key: 'machines',
        value: { default: machine },
        comment: [
          `The machine that it runs on, as the QEMU command of ${found.where} says it; see \`bringup plan\`.`,
        ],
      },
    ],
    remarks: isGuess ? [`how ${path} is built is a guess: correct kernel.build${namedIn(tree, path)}`] : [],
    notes: [
      ...byShell(build, found.where),
      ...(others.length > 0 ? [`Other QEMU commands of this tree: ${others.slice(0, 8).join('; ')}`] : []),
      ...notes,
    ],
  }
}

/** Scripts that name a file and do not start QEMU: one of them may make it. */
function namedIn(tree: SourceTree, path = ''): string {
  const name = posix.basename(path)
  const scripts = scriptsOf(tree).filter(({ text }) => text.includes(name) && !/qemu|kvm/i.test(text))
  const list = scripts.slice(0, 3).map((script) => script.path)
  return list.length === 0 ? '' : ` (${list.join(', ')} ${list.length === 1 ? 'names' : 'name'} it)`
}

/** Firmware that the tree names and does not have: that of this computer is taken. */
function withFirmware(
  tree: SourceTree,
  { targets = [] }: BuildSystem,
  { machine, notes }: Booted,
): Pick<Booted, 'machine' | 'notes'> {
  const { code, ...boot } = (machine.boot ?? {}) as { readonly code?: string }
  if (code === undefined || tree.has(code) || targets.includes(code)) return { machine, notes }
  return {
    machine: { ...machine, boot },
    notes: [...notes, `${code} is not there: OVMF of this computer is the firmware`],
  }
}

/** What a config gives to a shell is said: it is the only text in it that a shell reads. */
function byShell(build: Commands, where: string): readonly string[] {
  const shell = build.find(([, flag]) => flag === '-c' || flag === '-ec')?.[0]
  return shell === undefined ? [] : [`kernel.build runs lines of ${where} with ${shell}`]
}

/** The files by their own rules, where there are some; else what the command's own file does before it. */
function buildFor(
  system: BuildSystem,
  found: FoundCommand,
  { files }: Booted,
): { readonly build: Commands; readonly isGuess: boolean } {
  const made = files.filter((file) => system.targets?.includes(file) === true)
  if (made.length > 0) return { build: [['make', ...made]], isGuess: false }
  const { build: own = [], isBuildGuess: isGuess = false } = found
  if (own.length > 0) return { build: own, isGuess }
  const [file = ''] = files
  if (system.build.length > 0)
    return { build: system.build, isGuess: isGuess || system.names?.(file) === false }
  return { build: [], isGuess: true }
}
