/** Asks bringup and QEMU about the same machine, and says whether they agree. */
import { execFileSync } from 'node:child_process'
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  truncateSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { BringupError, type DiagnosticKind, type QemuReaction } from '../../src/diagnostics.ts'
import { createFiles } from '../../src/guest/host-files.ts'
import type { GuestResult } from '../../src/guest/record.ts'
import { problems as acpiProblems } from '../../src/machine/acpi-loader.ts'
import { problems as ideProblems } from '../../src/machine/ide-ports.ts'
import { problems as wholeProblems } from '../../src/machine/machine-rules.ts'
import { problems as pciProblems } from '../../src/machine/pci-slots.ts'
import { problems as jsonProblems } from '../../src/machine/qemu-arg-json.ts'
import { problems as portProblems } from '../../src/machine/qemu-arg-ports.ts'
import { problems as argProblems } from '../../src/machine/qemu-arg-rules.ts'
import { devices, sections } from '../../src/machine/registry.ts'
import { problems as usbProblems } from '../../src/machine/usb-ports.ts'
import type { GuestPlan } from '../../src/plan/plan.ts'
import { type PlannedGuest, planGuest } from '../../src/project/planning.ts'
import { problems as profileProblems } from '../../src/project/profile-needs.ts'
import { probe } from '../../src/project/profiles/probe.ts'
import { launchAlone } from '../../src/runs/run.ts'
import { MiB } from '../../src/units.ts'
import type { Case } from './cases.ts'

/** What bringup says of a machine, in terms of what QEMU then has to do. */
export type Category =
  | 'accepted'
  | 'refuses'
  | 'misbehaves'
  | 'accepts'
  | 'not a description'
  /** bringup does not use this QEMU for such a machine: what it would do with it is not compared. */
  | 'too old, not compared'

export interface Agreement {
  readonly category: Category
  /** Codes of the errors that bringup found. */
  readonly codes: readonly string[]
  /** Undefined when they agree. */
  readonly disagreement?: string
  readonly argv?: readonly string[]
}

const KINDS: ReadonlyMap<string, DiagnosticKind> = new Map(
  [...Object.values(sections), ...devices]
    .map((d) => d.diagnostics as Readonly<Record<string, DiagnosticKind>>)
    .concat(
      wholeProblems,
      profileProblems,
      argProblems,
      jsonProblems,
      portProblems,
      pciProblems,
      ideProblems,
      usbProblems,
    )
    .concat(acpiProblems)
    .flatMap((kinds) => Object.values(kinds))
    .map((kind) => [kind.code, kind]),
)

/** Misbehaviour that this kernel cannot see. QEMU only has to start then. */
const UNSEEN: Readonly<Record<string, string>> = {
  NIC_MAC_NOT_UNICAST: 'it has no network driver',
  NIC_MAC_TWICE: 'it has no network driver',
  DISK_EMPTY: 'it has no disk driver',
  DISK_RAW_IS_QCOW2: 'it has no disk driver',
  DISK_SERIAL_TOO_LONG: 'it has no disk driver',
  WATCHDOG_TWICE: 'it lets no watchdog expire',
  NVDIMM_FILE_TWICE: 'its signatures are the same on both',
  NVDIMM_SHARED_PRIVATE: 'there is no other machine',
  NVDIMM_FILE_IS_DIRECTORY: 'it boots once',
  BACKING_FILE_TWICE: 'it writes to neither',
  BACKING_FILE_IS_DIRECTORY: 'it boots once',
  BACKING_SHARED_PRIVATE: 'there is no other machine',
  IVSHMEM_NODES_IGNORED: 'it does not see where memory lies on the host',
  MEMORY_FILE_FOR_SEVERAL_NODES: 'it writes to little of its memory',
  BOOT_KERNEL_IGNORED: 'it is the kernel that is started all the same',
  MEMORY_TOO_SMALL: 'of no RAM QEMU makes its default, which may be what the nodes add up to',
  BOOT_UEFI_ONLY: 'it does not look for an EFI system partition',
  QEMU_ARG_CONFLICT: 'the value may be the same',
  NUMA_DISTANCE_TWICE: 'the last one is taken, which is one of those asked for',
}

/** Plans the machine, lets QEMU have it whatever the plan says, and compares. */
export async function agree({ machine, spoilt }: Case, qemu?: string): Promise<Agreement> {
  const folder = mkdtempSync(join(tmpdir(), 'bringup-agree-'))
  try {
    prepare(folder)
    const planned = await planGuest({
      project: {
        folder,
        stateFolder: join(folder, 'state'),
        // A net only: on a loaded computer a guest takes minutes, and one that hangs is a disagreement all the same.
        machines: { case: { ...machine, timeout: '20m', ...(qemu === undefined ? {} : { qemu }) } },
        racks: {},
        defaultMachine: 'case',
        profile: 'probe',
        // Loaded beforehand: jiti, which runs the soak, hands out half a module to the second who asks at once.
        profiles: [probe],
        configFile: join(folder, 'bringup.config.ts'),
      },
    })
    return await compare(planned, join(folder, 'state'))
  } catch (error) {
    if (!(error instanceof BringupError)) throw error
    return {
      category: 'not a description',
      codes: error.diagnostics.map((d) => d.code),
      // Only a spoilt one may be.
      ...(spoilt === undefined ? { disagreement: error.message } : {}),
    }
  } finally {
    rmSync(folder, { recursive: true, force: true })
  }
}

/** The files that descriptions name. */
function prepare(folder: string): void {
  mkdirSync(join(folder, 'folder'))
  execFileSync('mkfifo', [join(folder, 'pipe')])
  writeFileSync(join(folder, 'text'), 'no kernel\n'.repeat(200))
  for (const [name, bytes] of [
    ['small.img', MiB],
    ['large.img', 32 * MiB],
    ['empty.img', 0],
  ] as const) {
    writeFileSync(join(folder, name), '')
    truncateSync(join(folder, name), bytes)
  }
}

async function compare(planned: PlannedGuest, stateFolder: string): Promise<Agreement> {
  const { plan } = planned
  const errors = plan.diagnostics.filter((d) => d.severity === 'error')
  const codes = [...new Set(errors.map((d) => d.code))]
  if (codes.includes(wholeProblems.QEMU_TOO_OLD.code)) return { category: 'too old, not compared', codes }
  const category = categoryOf(codes)
  const seen = await letQemuHaveIt(planned, category, stateFolder)
  // The probe has no driver for a virtio console: that it ran to its end is all that can be seen then.
  const isSilent = plan.machine.console.type === 'virtio'
  const disagreement = judge(category, codes, seen, isSilent)
  return { category, codes, ...(disagreement === undefined ? {} : { disagreement, argv: plan.argv }) }
}

function categoryOf(codes: readonly string[]): Category {
  if (codes.length === 0) return 'accepted'
  // A code from elsewhere would count as accepted.
  const unknown = codes.filter((code) => !KINDS.has(code))
  if (unknown.length > 0) throw new Error(`no table has ${unknown.join(', ')}`)
  const reactions = codes.map((code): QemuReaction | undefined => KINDS.get(code)?.qemu)
  return reactions.includes('refuses')
    ? 'refuses'
    : reactions.includes('misbehaves')
      ? 'misbehaves'
      : 'accepts'
}

/** What came of a run, read before its folder is removed. */
interface Seen {
  readonly result: GuestResult
  readonly stderr: string
  readonly console: string
}

function seenIn(result: GuestResult): Seen {
  const { folder } = result
  return { result, stderr: readOr(join(folder, 'stderr.log')), console: readOr(join(folder, 'console.log')) }
}

async function letQemuHaveIt(
  { plan, facts, profile }: PlannedGuest,
  category: Category,
  stateFolder: string,
): Promise<Seen> {
  // Files are made where they can be; a wrong machine gets no further help than that.
  if (category !== 'accepted') makeWhatCanBeMade(plan, stateFolder)
  const forced: GuestPlan = {
    ...plan,
    diagnostics: [],
    ...(category === 'accepted' ? {} : { files: [], pins: [], locks: [], timeoutMs: 3000 }),
  }
  try {
    await using guest = await launchAlone({ plan: forced, facts, profile }, { stateFolder })
    const result = await guest.done
    return seenIn(result)
  } catch (error) {
    if (!(error instanceof BringupError) || !('result' in error)) throw error
    return seenIn(error.result as GuestResult)
  }
}

/** Folders only of bringup's own stores. */
function makeWhatCanBeMade(plan: GuestPlan, stateFolder: string): void {
  for (const file of plan.files) {
    if (!file.path.startsWith(stateFolder) && !existsSync(dirname(file.path))) continue
    try {
      createFiles([file])
    } catch (error) {
      if (!(error instanceof BringupError)) throw error
    }
  }
}

/** What is not as bringup said; undefined when all is. */
function judge(
  category: Category,
  codes: readonly string[],
  seen: Seen,
  isSilent: boolean,
): string | undefined {
  const { result, stderr } = seen
  const { verdict, meaning, comparison = [] } = result
  const differing = comparison.filter((c) => !c.ok)
  const differences = differing.map((c) => `${c.device} ${c.aspect}: asked ${c.want}, saw ${c.got}`)
  const hasStarted = result.timings.runMs > 0 && verdict !== 'machine-failed'
  const ending = [`${verdict}: ${meaning}`, ...differences, stderr.trim()].filter((s) => s !== '').join('; ')
  if (category === 'accepted') {
    if (verdict === 'passed' && (comparison.length > 0 || isSilent) && differing.length === 0)
      return undefined
    return comparison.length === 0 && verdict === 'passed'
      ? `bringup accepts it, and nothing was compared; the console ended with ${JSON.stringify(seen.console.slice(-300))}`
      : `bringup accepts it, but ${ending}`
  }
  if (category === 'refuses')
    return hasStarted ? `bringup says that QEMU refuses it, but it started: ${ending}` : undefined
  if (category === 'accepts')
    return hasStarted ? undefined : `bringup says that QEMU accepts it, but ${ending}`
  const isVisible = verdict !== 'passed' || differing.length > 0 || stderr.trim() !== ''
  if (isSilent || codes.some((code) => code in UNSEEN)) return undefined
  return isVisible ? undefined : 'bringup says that QEMU misbehaves, but the guest saw what was asked for'
}

function readOr(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
