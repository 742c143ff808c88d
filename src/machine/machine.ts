/**
 * The machine: parsed, checked, compiled, and what its guest must see.
 * Pure: everything here turns data into data.
 */

import type * as z from 'zod'
import { BringupError, type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { isReadingOnce, readOnce } from '../read-once.ts'
import { acpiVerdict, checkAcpi } from './acpi-loader.ts'
import type {
  Argument,
  Channel,
  Compiled,
  Expectation,
  FileAction,
  FileLock,
  Join,
  NotCompared,
  PersistenceCondition,
  PersistenceVerdict,
  RuleContext,
  StoreClaim,
} from './device.ts'
import { withOwnCard } from './devices/display.ts'
import { sharedRam } from './devices/folder-virtiofs.ts'
import { withRdmaNames } from './devices/nic-rdma-schema.ts'
import { ramForPvrdma } from './devices/pvrdma-schema.ts'
import type { Facts } from './facts.ts'
import { mergeMachine } from './flags.ts'
import { checkIdePorts } from './ide-ports.ts'
import { checkWhole } from './machine-rules.ts'
import { type MachineConfig, type MachineInput, machineSchema } from './machine-schema.ts'
import { partsOf, viewOf } from './parts.ts'
import { checkPciSlots } from './pci-slots.ts'
import { checkArgJson } from './qemu-arg-json.ts'
import { checkArgPorts } from './qemu-arg-ports.ts'
import { checkQemuArgs } from './qemu-arg-rules.ts'
import { withoutOptions } from './qemu-args.ts'
import { diagnoseIssues, diagnoseText } from './schema-issues.ts'
import { checkUsbPorts } from './usb-ports.ts'

export type { MachineConfig, MachineInput } from './machine-schema.ts'
export { partsOf, viewOf } from './parts.ts'

export const problems = defineDiagnostics({
  MACHINE_EXTENDS_MISSING: {
    title: 'A machine extends one that does not exist.',
    why: '`extends` names another machine of the same project',
    remedy: 'correct the name, or describe that machine',
  },
  MACHINE_EXTENDS_CIRCLE: {
    title: 'Machines extend one another in a circle.',
    why: 'every machine in the circle extends another one of it',
    remedy: 'remove one `extends` of the circle',
  },
})

/**
 * Resolves `extends`: each machine merged over the one that it starts from, which is merged over its own.
 *
 * @throws BringupError MACHINE_EXTENDS_MISSING, MACHINE_EXTENDS_CIRCLE; all of them at once
 */
export function resolveMachines(
  machines: Readonly<Record<string, MachineInput>>,
): Readonly<Record<string, MachineInput>> {
  const wrong: Diagnostic[] = []
  const resolve = (name: string, above: readonly string[]): MachineInput => {
    const machine = machines[name] ?? {}
    const { extends: base, ...own } = machine
    if (base === undefined) return machine
    const path = `machines.${name}.extends`
    if (!Object.hasOwn(machines, base)) {
      if (above.length === 0)
        wrong.push(
          problems.MACHINE_EXTENDS_MISSING.at(
            path,
            `no machine is named "${base}"; the machines are ${Object.keys(machines).join(', ')}`,
          ),
        )
      return own
    }
    const chain = [...above, name]
    if (chain.includes(base)) {
      if (base === chain[0])
        wrong.push(problems.MACHINE_EXTENDS_CIRCLE.at(path, [...chain, base].join(' → ')))
      return own
    }
    return mergeMachine(resolve(base, chain), own)
  }
  const resolved = Object.fromEntries(Object.keys(machines).map((name) => [name, resolve(name, [])]))
  if (wrong.length > 0) throw new BringupError(wrong)
  return resolved
}

/**
 * The machines that one is merged of, the one that it starts from first. Where `extends` leads nowhere or in a circle,
 * `resolveMachines` says so.
 */
export function chainOf(
  machines: Readonly<Record<string, MachineInput>>,
  name: string,
): readonly { readonly name: string; readonly machine: MachineInput }[] {
  const chain: { name: string; machine: MachineInput }[] = []
  for (let at: string | undefined = name; at !== undefined && Object.hasOwn(machines, at); ) {
    if (chain.some((link) => link.name === at)) break
    const { extends: base, ...machine }: MachineInput = machines[at] ?? {}
    chain.unshift({ name: at, machine })
    at = base
  }
  return chain
}

/**
 * Fills in defaults and units.
 *
 * @param path where the description stands in a larger one, for the findings' paths
 * @throws BringupError with every unknown key, wrong unit and wrong type
 */
export function parseMachine(
  _name: string,
  input: MachineInput,
  path: readonly PropertyKey[] = [],
): MachineConfig {
  const known = isReadingOnce() ? parseSections(input) : undefined
  const parsed = known ? { success: true as const, data: known } : machineSchema.safeParse(input)
  const unfit = diagnoseText(input, path)
  if (parsed.success && unfit.length === 0) return completed(parsed.data)
  if (parsed.success) throw new BringupError(unfit)
  throw new BringupError(diagnoseIssues(parsed.error.issues, { schema: machineSchema, input, base: path }))
}

let schemas: ReturnType<typeof machineSchema.unwrap>['shape'] | undefined
function sectionSchemas() {
  schemas ??= machineSchema.unwrap().shape
  return schemas
}

/**
 * Sections do not depend on each other: one that many machines have is parsed once. Undefined where something is wrong:
 * the schema of the whole has the findings.
 */
function parseSections(input: MachineInput): z.output<typeof machineSchema> | undefined {
  const shape = sectionSchemas()
  if (Object.keys(input).some((key) => !Object.hasOwn(shape, key))) return undefined
  const defaults: Readonly<Record<string, unknown>> = readOnce(['sections'], () => machineSchema.parse({}))
  const sections: Record<string, unknown> = {}
  for (const [key, schema] of Object.entries(shape)) {
    const value = input[key as keyof MachineInput]
    if (value === undefined) {
      if (defaults[key] !== undefined) sections[key] = defaults[key]
      continue
    }
    const parsed = readOnce(['section', key, value], () => schema.safeParse(value))
    if (!parsed.success) return undefined
    sections[key] = parsed.data
  }
  return sections as z.output<typeof machineSchema>
}

/** What parts of a machine decide for others. */
function completed(config: MachineConfig): MachineConfig {
  const hasRdma = config.devices.some((d) => d.kind === 'nic' && d.rdma !== undefined)
  const named = hasRdma ? { ...config, devices: [...withRdmaNames(config.devices)] } : config
  return withOwnCard(withSharedRam(named))
}

/** A daemon of a device reads the RAM of the guest, or the kernel maps it for a device of this computer. */
function withSharedRam(config: MachineConfig): MachineConfig {
  const isServed = config.devices.some((d) => d.kind === 'folder' && d.transport === 'virtiofs')
  if (isServed) return { ...config, memory: sharedRam(config.memory) }
  const isMapped = config.devices.some((d) => d.kind === 'pvrdma')
  return isMapped ? { ...config, memory: ramForPvrdma(config.memory) } : config
}

/** All problems of a machine: every part's rules, and those of the whole. Empty when QEMU will start it as described. */
export function checkMachine(config: MachineConfig, facts: Facts, name: string): readonly Diagnostic[] {
  return lastOf(checkedLast, { config, facts, name }, check)
}

interface Described {
  readonly config: MachineConfig
  readonly facts: Facts
  readonly name: string
}

/**
 * The same machine is checked and compiled with the same facts several times on the way to a plan. For the plan of
 * 2,000 cells of a sweep, each of the two saves an eighth of the CPU time.
 */
type Last<T> = WeakMap<MachineConfig, { readonly facts: Facts; readonly name: string; readonly answer: T }>
const checkedLast: Last<readonly Diagnostic[]> = new WeakMap()
const compiledLast: Last<CompiledParts> = new WeakMap()

function lastOf<T>(last: Last<T>, described: Described, make: (described: Described) => T): T {
  const { config, facts, name } = described
  const known = last.get(config)
  if (known?.facts === facts && known.name === name) return known.answer
  const answer = make(described)
  last.set(config, { facts, name, answer })
  return answer
}

function check({ config, facts, name }: Described): readonly Diagnostic[] {
  const machine = viewOf(name, config)
  const parts = partsOf(config)
  const found = parts.flatMap(
    (part) => part.device.check?.(part.config, { machine, facts, path: part.path }) ?? [],
  )
  const described =
    config.qemuArgs.length === 0
      ? compileMachine(config, facts, name)
      : completeArgs(compileParts(config, facts, name), [])
  return [
    ...checkWhole(config, machine, parts, facts),
    ...found,
    ...checkQemuArgs(config, described),
    ...checkArgJson(config.qemuArgs, facts.qemu),
    ...checkArgPorts(config.qemuArgs, facts),
    ...checkPciSlots(machine, described.args, facts),
    ...checkIdePorts(machine, described.args),
    ...checkUsbPorts(machine),
    ...checkAcpi(compileParts(config, facts, name).args, config.qemuArgs),
  ]
}

/** What a machine becomes, without accelerator and without the channels' other ends. */
export interface CompiledMachine {
  readonly args: readonly Argument[]
  readonly files: readonly FileAction[]
  readonly locks: readonly FileLock[]
  readonly stores: readonly StoreClaim[]
  readonly channels: readonly Channel[]
  readonly joins: readonly Join[]
}

/** Compiles a machine, also one that `checkMachine` refuses: QEMU's own answer can then be had. */
export function compileMachine(config: MachineConfig, facts: Facts, name: string): CompiledMachine {
  return completeArgs(compileParts(config, facts, name), config.qemuArgs)
}

function completeArgs(
  { args, lastArgs, ...rest }: CompiledParts,
  qemuArgs: readonly string[],
): CompiledMachine {
  const isWithoutHpet = acpiVerdict(args, qemuArgs) === 'omit-hpet'
  const own = args.map(
    (arg): Argument => (isWithoutHpet && arg[0] === '-machine' ? ['-machine', `${arg[1]},hpet=off`] : arg),
  )
  // QEMU takes the last -d and -D only: they are joined with bringup's own in `run-args.ts`.
  const given = withoutOptions(qemuArgs, ['d', 'D'])
  return { ...rest, args: [...own, ...given.map((arg): Argument => [arg]), ...lastArgs] }
}

/** The machine without the user's own arguments. */
interface CompiledParts extends CompiledMachine {
  readonly lastArgs: readonly Argument[]
}

function compileParts(config: MachineConfig, facts: Facts, name: string): CompiledParts {
  return lastOf(compiledLast, { config, facts, name }, compileEach)
}

function compileEach({ config, facts, name }: Described): CompiledParts {
  const machine = viewOf(name, config)
  const compiled = partsOf(config).map((part) =>
    part.device.compile(part.config, { machine, facts, path: part.path }),
  )
  const options = Object.assign({}, ...compiled.map((c) => c.machineOptions)) as Readonly<
    Record<string, string>
  >
  const settings = Object.entries(options).map(([key, value]) => `${key}=${value.replaceAll(',', ',,')}`)
  return {
    args: [
      ['-name', `guest=${name.replaceAll(',', ',,')}`],
      ['-machine', [config.type, ...settings].join(',')],
      ...collect(compiled, 'args'),
    ],
    lastArgs: collect(compiled, 'lastArgs'),
    files: collect(compiled, 'files'),
    locks: collect(compiled, 'locks'),
    stores: collect(compiled, 'stores'),
    channels: collect(compiled, 'channels'),
    joins: collect(compiled, 'joins'),
  }
}

type ListOf = Required<Omit<Compiled, 'machineOptions'>>

/** All that the parts say under one key; most say nothing. */
function collect<Key extends keyof ListOf>(compiled: readonly Compiled[], key: Key): ListOf[Key][number][] {
  const all: ListOf[Key][number][] = []
  for (const part of compiled) for (const item of part[key] ?? []) all.push(item)
  return all
}

/** What the guest must see, part by part. */
export function expectationsOf(config: MachineConfig, facts: Facts, name: string): readonly Expectation[] {
  return eachPart(config, facts, name, (part, context) => part.device.mustSee?.(part.config, context))
}

/** What no guest can show, part by part, and the user's own arguments, of which bringup knows nothing. */
export function notComparedOf(config: MachineConfig, facts: Facts, name: string): readonly NotCompared[] {
  const silent = eachPart<NotCompared>(config, facts, name, ({ device, id }) =>
    device.mustSee || device.notCompared
      ? undefined
      : [
          {
            device: `${device.kind} ${id}`,
            aspect: 'everything',
            because: 'bringup has no comparison for it',
          },
        ],
  )
  return [
    ...eachPart(config, facts, name, (part, context) => part.device.notCompared?.(part.config, context)),
    ...silent,
    ...ownArguments(config.qemuArgs),
    ...(config.pins.length > 0
      ? [{ device: 'cpu', aspect: 'pins', because: 'the guest cannot see what belongs to the host' }]
      : []),
  ]
}

/** An option and its value are one entry: `-device vmgenid`. */
function ownArguments(args: readonly string[]): readonly NotCompared[] {
  const options: string[] = []
  for (const [i, arg] of args.entries()) {
    const last = options.length - 1
    if (i === 0 || arg.startsWith('-')) options.push(arg)
    else options[last] = `${options[last]} ${arg}`
  }
  return options.map((aspect) => ({
    device: '--qemu-arg',
    aspect,
    because: 'bringup does not know what the guest must see of it',
  }))
}

/** What becomes of the guest's writes, part by part. */
export function persistenceOf(
  config: MachineConfig,
  facts: Facts,
  name: string,
): readonly PersistenceVerdict[] {
  return eachPart(config, facts, name, (part, context) => part.device.persistence?.(part.config, context))
}

/** What would have to hold for them to survive a power loss, part by part. */
export function persistenceConditionsOf(
  config: MachineConfig,
  facts: Facts,
  name: string,
): readonly PersistenceCondition[] {
  return eachPart(config, facts, name, (part, context) =>
    part.device.persistenceConditions?.(part.config, context),
  )
}

function eachPart<T>(
  config: MachineConfig,
  facts: Facts,
  name: string,
  ask: (part: ReturnType<typeof partsOf>[number], context: RuleContext) => readonly T[] | undefined,
): readonly T[] {
  const machine = viewOf(name, config)
  return partsOf(config).flatMap((part) => ask(part, { machine, facts, path: part.path }) ?? [])
}
