/** `bringup doctor`: what this computer can do for machines, and what is in the way. Changes nothing. */
import { BringupError, type Diagnostic, isClean } from '../../diagnostics.ts'
import { EXIT_CODES } from '../../guest/verdict.ts'
import { type HostFact, readHost } from '../../host/host.ts'
import { kvmProblem } from '../../host/kvm.ts'
import type { AcceleratorFact, QemuBinary, QemuCapabilities } from '../../machine/facts.ts'
import { plural } from '../../plural.ts'
import { cacheFolder } from '../../project/cache-folder.ts'
import { buildProbe } from '../../project/probe-build.ts'
import { profileOf } from '../../project/selection.ts'
import { proveAccelerators } from '../../qemu/accelerators.ts'
import { binaryOf } from '../../qemu/binary.ts'
import { readCapabilities } from '../../qemu/capabilities.ts'
import { candidates, chooseQemu, isNamed, namedQemu } from '../../qemus/choose.ts'
import { type ExaminedSet, examine as examineSets } from '../../setup/examine.ts'
import { releaseProblem } from '../../setup/releases.ts'
import { setsOf } from '../../setup/sets.ts'
import { createHostReader } from '../../steps/host-reader.ts'
import { formatBytes } from '../../units.ts'
import type { Command, Invocation } from '../command.ts'
import { formatSets, setsJsonOf } from '../dependencies-view.ts'
import { formatDiagnostics } from '../errors.ts'
import type { Output } from '../output.ts'
import { formatTable } from '../table.ts'
import { usageError } from '../usage.ts'

export const command: Command = {
  summary: 'check this computer and its QEMU, and show what to fix',
  description:
    'Reads the facts of this computer and of each QEMU binary, tries each accelerator with a trial guest, and checks every dependency of the profile. Changes nothing.',
  options: [
    { flags: '--refresh', description: 'try the accelerators again instead of using the cache' },
    {
      flags: '--profile <name>',
      description: 'operating system profile whose dependencies are checked',
      from: 'profiles',
    },
    { flags: '--qemu <which>', description: 'QEMU to check: a path, a name or a range', from: 'qemus' },
    {
      flags: '--capacity',
      description: 'count instead how many guests fit on cores and memory of this computer',
    },
    { flags: '--machine <name>', description: 'with --capacity: guests of this machine', from: 'machines' },
    { flags: '--rack <name>', description: 'with --capacity: all guests of this rack', from: 'racks' },
  ],
  examples: [
    { command: 'bringup doctor', says: 'what works on this computer, what does not, and why' },
    { command: 'bringup doctor --refresh', says: 'after something has been fixed' },
    {
      command: 'bringup doctor --capacity --rack pair',
      says: 'how many times a rack fits, and what runs out first',
    },
    { command: 'bringup doctor --json', says: 'for a bug report, or for a CI job that needs KVM' },
  ],
  run: doctor,
}

interface QemuReport {
  readonly path: string
  readonly version: string | null
  readonly isDefault: boolean
  readonly accelerators: readonly AcceleratorFact[]
}

interface Examination {
  readonly isReady: boolean
  readonly host: HostFact
  readonly qemu: readonly QemuReport[]
  readonly profile: string
  readonly sets: readonly ExaminedSet[]
  readonly diagnostics: readonly Diagnostic[]
}

async function doctor(invocation: Invocation): Promise<number> {
  const { capacity: counts, machine, rack } = invocation.options
  if (counts === true) return (await import('../capacity.ts')).capacity(invocation)
  if (machine !== undefined || rack !== undefined)
    throw usageError(
      `${machine === undefined ? '--rack' : '--machine'} says what --capacity counts`,
      'add --capacity',
    )
  const found = await examine(invocation)
  const named = profileNamed(invocation)
  invocation.output.json({ ...found, sets: setsJsonOf(found.sets, named) })
  if (!invocation.output.isJson) print(found, invocation.output, named)
  return found.isReady ? EXIT_CODES.passed : EXIT_CODES.refused
}

/** Finds out everything; what goes wrong on the way is a finding, and the rest is still found out. */
async function examine(invocation: Invocation): Promise<Examination> {
  const { options, output, signal } = invocation
  const diagnostics: Diagnostic[] = []
  const attempt = async <T>(what: () => Promise<T> | T): Promise<T | undefined> => {
    try {
      return await what()
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
      diagnostics.push(...error.diagnostics)
      return undefined
    }
  }
  const cache = cacheFolder()
  const host = readHost()
  const named = typeof options.qemu === 'string' ? options.qemu : process.env.BRINGUP_QEMU
  const wish = { arch: 'x86_64', wish: named, cacheFolder: cache, signal }
  const chosen = await attempt(() =>
    isNamed(named) ? namedQemu('x86_64', named) : chooseQemu(wish).then(binaryOf),
  )
  const dependencies = examineDependencies(invocation, host, chosen?.path)
  // Whatever fails first is thrown; that this one is awaited later must not make it an unhandled rejection.
  dependencies.catch(() => {})
  const progress = (what: string) => output.progress(output.errorColors.dim(`${what} …`))
  const capabilities =
    chosen === undefined ? undefined : await attempt(() => readCapabilities(chosen, 'x86_64', cache, signal))
  const kernel = await attempt(() => buildProbe({ cacheFolder: cache, signal, progress }))
  if (capabilities) progress('trying the accelerators')
  const accelerators = capabilities
    ? await proveAccelerators({
        qemu: capabilities,
        probeKernel: kernel?.pvh,
        cacheFolder: cache,
        signal,
        refresh: options.refresh === true,
      })
    : []
  const kvm = kvmProblem(host.kvm)
  if (kvm) diagnostics.push(kvm)
  const qemu = await reportAll(chosen, capabilities, accelerators, { cache, signal }, attempt)
  const release = releaseProblem(host.distribution)
  if (release) diagnostics.push(release)
  const isReady = isClean(diagnostics) && accelerators.some((a) => a.works)
  return { isReady, host, qemu, ...(await dependencies), diagnostics }
}

function profileNamed({ options }: Invocation): string | undefined {
  return typeof options.profile === 'string' ? options.profile : undefined
}

async function examineDependencies(
  invocation: Invocation,
  host: HostFact,
  qemu: string | undefined,
): Promise<{ readonly profile: string; readonly sets: readonly ExaminedSet[] }> {
  const project = await invocation.project()
  const machine = project.machines[project.defaultMachine] ?? {}
  const profile = await profileOf(project, machine, profileNamed(invocation))
  const sets = await examineSets(setsOf(profile), {
    host: createHostReader(invocation.signal),
    family: host.distribution.family,
    sourceFolder: project.folder,
    cacheFolder: cacheFolder(),
    ...(qemu === undefined ? {} : { named: { 'qemu-system-x86_64': qemu } }),
  })
  return { profile: profile.name, sets }
}

type Attempt = <T>(what: () => Promise<T> | T) => Promise<T | undefined>

async function reportAll(
  chosen: QemuBinary | undefined,
  capabilities: QemuCapabilities | undefined,
  accelerators: readonly AcceleratorFact[],
  { cache, signal }: { readonly cache: string; readonly signal: AbortSignal },
  attempt: Attempt,
): Promise<readonly QemuReport[]> {
  const version = (c: QemuCapabilities | undefined) => (c ? c.version.join('.') : null)
  const first =
    chosen === undefined
      ? []
      : [{ path: chosen.path, version: version(capabilities), isDefault: true, accelerators }]
  const others = candidates('x86_64').filter(({ path }) => path !== chosen?.path)
  const rest = others.map(async (binary) => ({
    path: binary.path,
    version: version(await attempt(() => readCapabilities(binary, 'x86_64', cache, signal))),
    isDefault: false,
    accelerators: [],
  }))
  return [...first, ...(await Promise.all(rest))]
}

function print(found: Examination, output: Output, named: string | undefined): void {
  const { isReady, host, qemu, profile, sets, diagnostics } = found
  const { colors } = output
  const mark = (isGood: boolean) => (isGood ? colors.green('✓') : colors.yellow('✗'))
  output.print(colors.bold('This computer'))
  output.print(formatTable(['', ''], hostRows(host), output))
  output.print(`\n${colors.bold('QEMU')}`)
  for (const q of qemu) {
    output.print(
      `${mark(q.version !== null)} ${q.path} ${q.version ?? 'does not answer'}${q.isDefault && qemu.length > 1 ? ' (used)' : ''}`,
    )
    for (const a of q.accelerators) {
      output.print(
        `  ${mark(a.works)} ${a.name.toUpperCase().padEnd(4)} ${a.reason} ${colors.dim(`(${a.tookMs} ms)`)}`,
      )
    }
  }
  output.print(`\n${colors.bold(`What ${profile} needs`)}\n${formatSets(sets, output, named)}`)
  if (diagnostics.length > 0) output.print(`\n${formatDiagnostics(diagnostics, output)}`)
  output.print(
    `\n${isReady ? colors.green('Machines can run here.') : colors.red('Machines cannot run here yet.')}`,
  )
}

function hostRows(host: HostFact): readonly (readonly string[])[] {
  const { cpus, memory, cgroup } = host
  const limits = [
    ...(cgroup.cpus === undefined ? [] : [plural(cgroup.cpus, 'CPU')]),
    ...(cgroup.memoryBytes === undefined ? [] : [mebibytes(cgroup.memoryBytes)]),
  ]
  const pages = memory.hugePages
    .filter((p) => p.total > 0)
    .map((p) => `${p.free} of ${p.total} × ${formatBytes(p.bytes)}`)
  return [
    [
      'system',
      `${host.distribution.name}, kernel ${host.kernel.release}, ${host.kernel.arch}${host.container === undefined ? '' : `, in ${host.container}`}`,
    ],
    ['Node', process.version],
    [
      'CPUs',
      `${cpus.allowed.length} of ${cpus.online.length}${cpus.model === '' ? '' : `, ${cpus.model}`}${cpus.isVirtual ? ' (a virtual machine)' : ''}`,
    ],
    ['memory', `${mebibytes(memory.availableBytes)} of ${mebibytes(memory.totalBytes)} available`],
    ['limits', limits.join(', ') || 'none'],
    [
      'NUMA',
      host.nodes.length === 0
        ? 'no nodes'
        : `${plural(host.nodes.length, 'node')} (${host.nodes.map((n) => n.node).join(', ')})`,
    ],
    ['huge pages', pages.join(', ') || 'none reserved'],
    ['/dev/kvm', host.kvm.state],
  ]
}

function mebibytes(bytes: number): string {
  return `${Math.round(bytes / 1024 / 1024)}M`
}
