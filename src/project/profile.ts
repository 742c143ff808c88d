/** What is known about one operating system. A new OS is one new profile; nothing else names it. */
import type { BuildContext } from '../build/context.ts'
import type { BuildGraph } from '../build/graph.ts'
import type { BuildOptionSpec, BuildOptionValues } from '../build/options.ts'
import type { Diagnostic } from '../diagnostics.ts'
import type { GuestRdmaDevice, GuestView } from '../machine/guest-view.ts'
import type { MachineConfig, MachineInput } from '../machine/machine.ts'
import type { GuestPlan, Judgement } from '../plan/plan.ts'
import type { DependencySet } from '../setup/dependency.ts'
import type { ConfigSketch, SourceTree } from './recognise/tree.ts'

/** How a guest sees the folder of the project; `if-possible` is `overlay` where its kernel can mount it. */
export type ProjectShare = 'overlay' | 'rw' | 'if-possible'

/** What a profile may use while it gets ready. */
export interface PrepareContext {
  /** The machine as the user described it, profile defaults merged in. */
  readonly machine: MachineInput
  /** The command to run in the guest (what follows `--`); empty for none. */
  readonly command: readonly string[]
  /** The command, or `terminalCommand` without one, runs on a terminal of the guest. */
  readonly terminal: boolean
  /** Folder of the project, for relative paths. */
  readonly projectFolder: string
  /** The guest is to see that folder at its own path; absent where it is not. See `ProjectShare`. */
  readonly sharesProject?: ProjectShare
  /** Commands have the file system of this computer for a root. */
  readonly hasHostRoot?: boolean
  /** Folder for what the build makes beside the source tree: `.bringup/build` of the project. */
  readonly buildFolder: string
  /** Checked values of the profile's `buildOptions`: they say where the build has put what is to boot. */
  readonly buildOptions: BuildOptionValues
  /** Where chosen versions are kept: `.bringup` of the project, or the state of this user where there is no config. */
  readonly pinFolder: string
  /** Content-addressed cache of this user: kernels, initramfs images. */
  readonly cacheFolder: string
  readonly signal: AbortSignal
  /** Says what takes time: `building kernels/probe`. */
  readonly progress: (what: string) => void
}

export type UpdateContext = Pick<PrepareContext, 'pinFolder' | 'cacheFolder' | 'signal' | 'progress'>

/** What became of a version that was pinned. */
export interface VersionChange {
  readonly what: string
  readonly from: string
  readonly to: string
  /** To be downloaded by the next run. */
  readonly bytes: number
}

/** What a profile may use to say what it would add. */
export interface PreviewContext extends PrepareContext {
  /** Whether sizes of downloads are to be found out, which may take a second. */
  readonly wantsSizes: boolean
}

/** What a profile adds to the machine once it is ready. */
export interface Prepared {
  /** Merged over the profile's defaults and under what the user gave: kernel, initrd, command line, devices. */
  readonly machine: MachineInput
  /** Name of what boots, for people: `Linux 6.1.0-50-cloud-amd64`. */
  readonly boots?: string
  /** ELF file with the kernel's symbols, for a debugger. Default: the kernel, where it has symbols. */
  readonly symbols?: string
  /** What a person should know of how it got ready, a line each. */
  readonly notes?: readonly string[]
}

/** Something that a run fetches, makes or builds before its machine starts. */
export interface Pending {
  /** One line: `the package linux-image-6.1.0-18-cloud-amd64`. */
  readonly what: string
  /** Bytes to be downloaded, where they are known. */
  readonly bytes?: number
  /** Where it will lie; rules about files wait until it does. */
  readonly path?: string
}

/** What `prepare` would add, as far as that is known before anything is fetched or made. */
export interface Preview extends Prepared {
  /** What is missing. With nothing missing this is what `prepare` would return, and `prepare` is not called. */
  readonly pending: readonly Pending[]
  /** What is wrong with what the user gave, where `prepare` would refuse it. */
  readonly diagnostics?: readonly Diagnostic[]
}

/** How bringup learns from a running guest what it saw. */
export interface Observation {
  /** Console text so far. */
  readonly consoleText: () => string
  /** Runs a command in the guest, where the guest has a command channel. */
  readonly run?: (argv: readonly string[]) => Promise<{ stdout: string; stderr: string; exitCode: number }>
}

/** What a guest does over its command channel before anything else runs in it. Findings are warnings. */
export type Settling = (run: GuestCommand) => Promise<readonly Diagnostic[]>

/** Where the source tree of an operating system is kept; `bringup checkout NAME` gets it. */
export interface Source {
  /** What git clones: `https://…`, `ssh://…`, `git@host:path`, `git://…`, or a folder. */
  readonly url: string
  /** Branch, tag or commit for a new check-out; the server's default branch when absent. */
  readonly ref?: string
}

export interface RewriteContext {
  readonly command: 'build' | 'plan' | 'run'
  /** Names of the machines of the project. */
  readonly machines: readonly string[]
}

/** Flags of `run`, `plan` and `build` that describe a machine in the words of a tool that the profile replaces. */
export interface MachineFlags {
  /** Heading in `--help`: `In the words of run.py:`. */
  readonly title: string
  readonly specs: readonly BuildOptionSpec[]
  /**
   * What they mean; bringup’s own flags win over it. Flags that were not given are absent from the values.
   *
   * @throws BringupError with all that cannot be understood
   */
  readonly toMachine: (values: BuildOptionValues) => MachineInput
  /** Words of that tool’s command line that no option of bringup’s has, as words that one has. */
  readonly rewrite?: (words: readonly string[], context: RewriteContext) => readonly string[]
  /**
   * The descriptions before they are laid over one another, the lowest first; the last two are what these flags and
   * what bringup’s own say. Returns as many.
   */
  readonly combine?: (layers: readonly MachineInput[]) => readonly MachineInput[]
}

/** Something that a kernel said of itself: a warning, a bug, a stall. */
export interface KernelReport {
  /** Its first line. */
  readonly title: string
  /** The whole of it, the title included. */
  readonly lines: readonly string[]
}

/** How reports of the guest's kernel are found when its work is done. */
export interface KernelLog {
  /** Files of the guest that are read over the command channel, such as `/dev/kmsg`. */
  readonly files: readonly string[]
  /**
   * Reports in what the files held, in their order, and in the console's text. `contents` is empty where the guest ended
   * before they were read.
   */
  readonly find: (log: {
    readonly contents: readonly string[]
    readonly console: string
  }) => readonly KernelReport[]
}

/** Runs a command in a guest. */
type GuestCommand = (
  argv: readonly string[],
  options?: { readonly timeoutMs?: number },
) => Promise<{ stdout: string; stderr: string; exitCode: number }>

/** RDMA in the guests of a profile: they make devices of their cards, and report them. */
export interface ProfileRdma {
  /** Those that are there now. */
  readonly devices: (run: GuestCommand) => Promise<readonly GuestRdmaDevice[]>
  /** Resolves once a program of the guest listens on the port, of the RDMA connection manager or of TCP. */
  readonly listening: (run: GuestCommand, port: number, timeoutMs: number) => Promise<void>
}

export interface Profile {
  readonly name: string
  readonly summary: string
  /** Absent when there is nothing to check out. */
  readonly source?: Source
  /**
   * What it needs of this computer, set by set: `build`, `run`, `test`, `docs`, or as its users divide it. For `doctor`,
   * `setup` and container images. Paths in it are relative to the source tree.
   */
  readonly dependencies?: readonly DependencySet[]
  /** Beneath everything that the user writes. */
  readonly defaults: MachineInput
  readonly judgement: Judgement
  /** Whether a guest answers commands apart from the console; its chardev id is `shell` (see `src/guest/shell.ts`). */
  readonly hasShell: boolean
  /**
   * Its agent supports restored guests (`S` in `src/guest/shell-frames.ts`). Default: guests always boot.
   */
  readonly canBeSaved?: true
  /** What `run` without a command runs on a terminal of the guest when it is called from one. Default: the console. */
  readonly terminalCommand?: () => readonly string[]
  /** The command as it runs with the file system of this computer for a root; absent where guests cannot. */
  readonly inHostRoot?: (argv: readonly string[], cwd: string) => readonly string[]
  /** Whether its guest is 64-bit code, so that a CPU without long mode cannot run it. */
  readonly needsLongMode?: boolean
  /** Whether `run` compares what the guest saw unless told otherwise. */
  readonly verifiesByDefault: boolean
  /** Whether its guest cannot report on this machine, or is told not to; `run` then compares only with `--verify`. */
  isSilent?(machine: MachineConfig): boolean
  /**
   * How it is built, as plain data; absent where nothing is to be built. Called by `build` and before `run`; it may read
   * the source tree, and changes nothing. A graph without targets is nothing to build.
   */
  readonly build?: (context: BuildContext) => BuildGraph | Promise<BuildGraph>
  /** Flags of `build` and `run`, and keys of `build` in the config file, that the build takes. */
  readonly buildOptions?: readonly BuildOptionSpec[]
  readonly machineFlags?: MachineFlags
  /** Whether a folder is a source tree of this system, and what its config should say; for `bringup init`. */
  readonly recognise?: (tree: SourceTree) => ConfigSketch | undefined
  readonly prepare: (context: PrepareContext) => Promise<Prepared>
  /**
   * Says what `prepare` would add, from what is there: it fetches, makes and changes nothing. `plan` calls this alone, and
   * `run` checks the machine by it before it prepares anything. Without it `plan` prepares too.
   */
  readonly preview?: (context: PreviewContext) => Preview | Promise<Preview>
  /** Chooses the newest versions of what is pinned: `bringup update`. Nothing is downloaded. */
  readonly update?: (context: UpdateContext) => Promise<readonly VersionChange[]>
  /** How reports of its kernel are found: a guest with one has not passed. */
  readonly kernelLog?: KernelLog
  /** What the first command waits for, after every boot: addresses of network cards. Undefined for nothing. */
  readonly settle?: (plan: GuestPlan) => Settling | undefined
  /** Absent where guests make no RDMA devices of their cards (`rdma` of a card). */
  readonly rdma?: ProfileRdma
  /** What the guest saw; undefined when it has not reported (yet). */
  readonly view?: (observation: Observation) => Promise<GuestView | undefined>
}

/**
 * Declares a profile; returns its argument and exists for the types.
 *
 * @example
 * const mine = defineProfile({
 *   name: 'mine',
 *   summary: 'my kernel',
 *   defaults: { memory: '64M' },
 *   judgement: {
 *     exitCodes: { 0: { verdict: 'passed', meaning: 'main returned' } },
 *     panicPatterns: PANIC_PATTERNS,
 *     onPowerOff: 'passed',
 *     onReset: 'stop',
 *   },
 *   hasShell: false,
 *   verifiesByDefault: false,
 *   prepare: async () => ({ machine: { boot: { kernel: 'kernel.elf' } } }),
 * })
 * export default defineConfig({ profile: 'mine', profiles: [mine] })
 */
export function defineProfile(profile: Profile): Profile {
  return profile
}
