/** The flags that `run` and `plan` share: each says a piece of the description, and wins over the config file. */
import { BringupError, type Diagnostic } from '../diagnostics.ts'
import { parseDeviceFlag } from '../machine/flags.ts'
import type { MachineInput } from '../machine/machine.ts'
import { devices } from '../machine/registry.ts'
import { quoteCommand } from '../quote.ts'
import { inGroup, type OptionSpec } from './command.ts'
import { problems as usageProblems } from './usage.ts'

/** One per device that has a short form: `--nvdimm 256M,node=1`. */
const DEVICE_OPTIONS: readonly OptionSpec[] = devices.flatMap((device) =>
  device.flag
    ? [
        {
          flags: `--${device.flag.name} <${device.flag.first}[,key=value…]>`,
          description: `${device.flag.help} (such as ${device.flag.example})`,
          isRepeatable: true,
        },
      ]
    : [],
)

const HARDWARE_OPTIONS: readonly OptionSpec[] = [
  { flags: '--type <name>', description: 'QEMU machine type', choices: ['q35', 'pc'] },
  { flags: '--cores <n>', description: 'number of CPUs' },
  { flags: '--cpu <model>', description: 'CPU model' },
  { flags: '--memory <size>', description: 'RAM, such as 512M' },
  { flags: '--numa <n>', description: 'split CPUs and memory evenly over this many NUMA nodes' },
  {
    flags: '--nvdimm-persistence <what>',
    description: 'what the platform flushes on power loss',
    choices: ['cpu', 'mem-ctrl'],
  },
  {
    flags: '--display <card>',
    description: 'graphics card; its screen is read, no window is opened',
    choices: ['none', 'std', 'cirrus', 'bochs', 'virtio-vga', 'virtio-gpu'],
  },
  ...DEVICE_OPTIONS,
  { flags: '--accel <name>', description: 'accelerator', choices: ['auto', 'kvm', 'tcg'] },
  {
    flags: '--qemu <which>',
    description: 'QEMU: a path, an installed one, a range such as ">=10", or features=pvrdma,libpmem',
    from: 'qemus',
  },
  { flags: '--qemu-arg <arg>', description: 'argument passed to QEMU as it is', isRepeatable: true },
]

const BOOT_OPTIONS: readonly OptionSpec[] = [
  { flags: '-m, --machine <name>', description: 'machine of the project', from: 'machines' },
  { flags: '--profile <name>', description: 'operating system profile', from: 'profiles' },
  { flags: '--kernel <file>', description: 'kernel image: bzImage, PVH or multiboot ELF', from: 'files' },
  { flags: '--initrd <file>', description: 'initial RAM disk', from: 'files' },
  { flags: '--append <words>', description: 'words for the kernel command line' },
  { flags: '--firmware <kind>', description: 'how the guest starts', choices: ['direct', 'bios', 'uefi'] },
  { flags: '--esp <folder>', description: 'EFI system partition made from this folder', from: 'folders' },
]

const HOST_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--project-folder',
    description: 'share the project’s folder with the guest, at its own path (the default in a project)',
  },
  { flags: '--no-project-folder', description: 'do not share the project’s folder' },
  {
    flags: '--rw',
    description: 'share the project’s folder writable',
  },
  {
    flags: '--root <of>',
    description: 'run commands on the file system of this computer, which they cannot change',
    choices: ['host'],
  },
]

export const TIMEOUT_OPTION: OptionSpec = {
  flags: '--timeout <time>',
  description: 'end the guest after this time, such as 30s',
}

const VERDICT_OPTIONS: readonly OptionSpec[] = [
  TIMEOUT_OPTION,
  {
    flags: '--allow-report <regex>',
    description: 'ignore kernel reports with a line that matches',
    isRepeatable: true,
  },
  { flags: '--no-kernel-reports', description: 'do not check for reports of the guest’s kernel' },
]

const GDB_OPTIONS: readonly OptionSpec[] = [
  {
    flags: '--gdb [port]',
    description: 'wait at the first instruction for gdb on this port of 127.0.0.1 (default: a free one)',
  },
  { flags: '-s', description: 'as with QEMU: a gdb server on port 1234' },
  { flags: '-S', description: 'as with QEMU: wait at the first instruction (with -s)' },
]

/** Headings of `run --help` and `plan --help`, in this order. */
export const GROUPS = {
  boot: 'What boots:',
  hardware: 'Hardware:',
  host: 'Files of this computer:',
  verdict: 'Verdict:',
  gdb: 'gdb:',
  output: 'Output:',
} as const

export const MACHINE_OPTIONS: readonly OptionSpec[] = [
  ...inGroup(GROUPS.boot, BOOT_OPTIONS),
  ...inGroup(GROUPS.hardware, HARDWARE_OPTIONS),
  ...inGroup(GROUPS.host, HOST_OPTIONS),
  ...inGroup(GROUPS.verdict, VERDICT_OPTIONS),
  ...inGroup(GROUPS.gdb, GDB_OPTIONS),
]

type Values = Readonly<Record<string, unknown>>

/** The flag that says a key of the description. */
const FLAG_OF: Readonly<Record<string, string>> = {
  type: '--type',
  accel: '--accel',
  display: '--display',
  qemu: '--qemu',
  timeout: '--timeout',
  nvdimmPersistence: '--nvdimm-persistence',
  cpu: '--cores',
  'cpu.model': '--cpu',
  memory: '--memory',
  numa: '--numa',
  'boot.kernel': '--kernel',
  'boot.initrd': '--initrd',
  'boot.append': '--append',
  'boot.firmware': '--firmware',
  'boot.esp': '--esp',
  qemuArgs: '--qemu-arg',
  gdb: '--gdb',
}

/** What stands for a path of the description on this command line: `--memory`, `--nvdimm 128M,node=7`. */
export function flagPlace(options: Values): (path: readonly PropertyKey[]) => string {
  const listed = devices.flatMap((device) =>
    device.flag === undefined
      ? []
      : deviceTexts(options, device.flag.name).map(
          (text) => `--${device.flag?.name} ${quoteCommand([text])}`,
        ),
  )
  return (path) => {
    const [section = '', key = ''] = path
    if (section === 'devices') return listed[Number(key)] ?? '--'
    const flag = FLAG_OF[`${String(section)}.${String(key)}`] ?? FLAG_OF[String(section)]
    return flag ?? (path.length === 0 ? '--' : path.map(String).join('.'))
  }
}

function deviceTexts(options: Values, flag: string): readonly string[] {
  return (options[camelCase(flag)] as readonly string[] | undefined) ?? []
}

/**
 * What the flags say, as a piece of a description.
 *
 * @throws BringupError with every flag that cannot be understood
 */
export function machineFromOptions(options: Values): MachineInput {
  const text = (key: string) => (typeof options[key] === 'string' ? (options[key] as string) : undefined)
  const wrong: Diagnostic[] = []
  const count = (key: string): number | undefined => {
    const value = text(key)
    if (value === undefined) return undefined
    if (/^[1-9]\d*$/.test(value)) return Number(value)
    wrong.push(usageProblems.USAGE.at(`--${key}`, `"${value}" is not a positive whole number`))
    return undefined
  }
  const listed = devices.flatMap((device) =>
    device.flag === undefined
      ? []
      : deviceTexts(options, device.flag.name).map((value) => parseDeviceFlag(device, value)),
  )
  wrong.push(...listed.flatMap((l) => l.diagnostics))
  const cores = count('cores')
  const numa = count('numa')
  if (wrong.length > 0) throw new BringupError(wrong)
  return prune({
    type: text('type'),
    accel: text('accel'),
    display: text('display'),
    qemu: text('qemu'),
    kernelReports: kernelReports(options),
    timeout: text('timeout'),
    nvdimmPersistence: text('nvdimmPersistence'),
    cpu: prune({ count: cores, model: text('cpu') }),
    memory: prune({ size: text('memory') }),
    numa: numa === undefined ? undefined : { nodes: numa },
    boot: prune({
      kernel: text('kernel'),
      initrd: text('initrd'),
      append: text('append'),
      firmware: text('firmware'),
      esp: text('esp'),
    }),
    devices: listed.length > 0 ? listed.flatMap((l) => (l.device ? [l.device] : [])) : undefined,
    ...gdbOf(options),
  }) as MachineInput
}

/** `-s` and `-S` mean what they mean to QEMU, on this computer only. */
function gdbOf({ gdb, s, S, qemuArg }: Values): Pick<MachineInput, 'gdb' | 'qemuArgs'> {
  const args = Array.isArray(qemuArg) ? (qemuArg as readonly string[]) : []
  if (s === true && S === true && gdb === undefined) return { gdb: QEMU_GDB_PORT, qemuArgs: listed(args) }
  const port = typeof gdb === 'string' && /^\d+$/.test(gdb) ? Number(gdb) : gdb
  const own = [
    ...args,
    ...(s === true ? ['-gdb', `tcp:127.0.0.1:${QEMU_GDB_PORT}`] : []),
    ...(S === true ? ['-S'] : []),
  ]
  return { gdb: port as MachineInput['gdb'], qemuArgs: listed(own) }
}

const QEMU_GDB_PORT = 1234

const listed = (args: readonly string[]) => (args.length > 0 ? args : undefined)

function kernelReports({ kernelReports: wanted, allowReport }: Values): MachineInput['kernelReports'] {
  if (wanted === false) return false
  return Array.isArray(allowReport) ? { allow: allowReport } : undefined
}

function camelCase(name: string): string {
  return name.replace(/-([a-z])/g, (_, letter: string) => letter.toUpperCase())
}

/** Without keys that were not given, and without what is empty then. */
function prune(value: Record<string, unknown>): Record<string, unknown> | undefined {
  const entries = Object.entries(value).filter(([, v]) => v !== undefined)
  return entries.length === 0 ? undefined : Object.fromEntries(entries)
}
