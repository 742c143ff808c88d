/** Decides, from a description and facts, what one boot will do. Pure. */
import { type Diagnostic, defineDiagnostics } from '../diagnostics.ts'
import { type Facts, hasAction } from '../machine/facts.ts'
import { checkMachine, compileMachine, type MachineConfig, persistenceOf } from '../machine/machine.ts'
import { type GuestPlan, type Judgement, type PlanFacts, pasteArgv, plannedArgv } from './plan.ts'
import { acceleratorArgs, needsTcg, runArgs } from './run-args.ts'

export const problems = defineDiagnostics({
  ACCELERATOR_NOT_WORKING: {
    title: 'The requested accelerator does not run guests on this computer.',
    why: 'an accelerator is used only after a trial guest has run on it',
    remedy: 'use --accel auto, or run `bringup doctor` to see the reason',
  },
  ACCELERATOR_MISSING: {
    title: 'No accelerator of this QEMU binary works.',
    why: 'a machine needs KVM or TCG to run',
    remedy: 'install a QEMU with TCG (Debian, Ubuntu: apt install qemu-system-x86), or name one with --qemu',
  },
  PASS_PATTERN_IN_APPEND: {
    title: 'The text that means success is in the command line of the kernel.',
    why: 'many kernels print their command line, so the run would pass before the kernel has done anything',
    remedy: 'choose a text that only the success prints, or change boot.append (--append)',
    source: 'Linux: "Kernel command line: …", "Unknown kernel command line parameters …" (init/main.c)',
  },
})

export interface PlanRequest {
  readonly name: string
  readonly profile: string
  readonly machine: MachineConfig
  readonly facts: Facts
  readonly judgement: Judgement
}

/**
 * Makes the plan. Problems of the machine are in `diagnostics`; the argv is compiled all the same, so that it can be
 * read, and so that QEMU's own answer can be compared.
 */
export function makePlan(request: PlanRequest): GuestPlan {
  const { name, profile, machine, facts, judgement } = request
  const { accelerator, diagnostics } = chooseAccelerator(machine, facts)
  const compiled = compileMachine(machine, facts, name)
  const args = [
    ...acceleratorArgs(accelerator.name, machine.qemuArgs),
    ...compiled.args,
    ...runArgs(machine, judgement.onReset, { hasAction: hasAction(facts.qemu) }).args,
  ]
  const path = facts.qemu?.path ?? `qemu-system-${machine.arch}`
  const qemu = {
    path,
    version: facts.qemu?.version.join('.') ?? 'unknown',
    ...(facts.qemu?.starting ? { starting: facts.qemu.starting } : {}),
    ...(facts.qemuBecause === undefined ? {} : { because: facts.qemuBecause }),
  }
  return {
    guest: name,
    name,
    profile,
    machine,
    after: [],
    command: [],
    counts: true,
    files: compiled.files,
    locks: compiled.locks,
    stores: compiled.stores,
    channels: compiled.channels,
    joins: compiled.joins,
    qemu,
    accelerator,
    accelerators: facts.accelerators,
    args,
    argv: pasteArgv({ qemu, args, channels: compiled.channels }),
    supervisedArgv: plannedArgv({ qemu, args, channels: compiled.channels }),
    judgement,
    timeoutMs: machine.timeout,
    pins: machine.pins,
    persistence: persistenceOf(machine, facts, name),
    pending: [],
    diagnostics: [...diagnostics, ...passInAppend(args, judgement), ...checkMachine(machine, facts, name)],
    facts: factsOfPlan(facts),
  }
}

function passInAppend(
  args: GuestPlan['args'],
  { passPatterns = [] }: Pick<Judgement, 'passPatterns'>,
): readonly Diagnostic[] {
  const append = args.find(([flag]) => flag === '-append')?.[1]
  if (append === undefined) return []
  return passPatterns.flatMap((source) => {
    const [text] = new RegExp(source).exec(append) ?? []
    return text === undefined
      ? []
      : [
          problems.PASS_PATTERN_IN_APPEND.at(
            'boot.append',
            `${JSON.stringify(text)} is in ${JSON.stringify(append)}`,
          ),
        ]
  })
}

function factsOfPlan({ files, hostPorts, hostNodes, hostBytes, qemu }: Facts): PlanFacts {
  return {
    files: [...files.values()],
    ...(hostPorts ? { hostPorts } : {}),
    hostNodes,
    hostBytes,
    ...(qemu ? { qemuSha256: qemu.sha256 } : {}),
  }
}

function chooseAccelerator(
  { accel: wanted, qemuArgs }: Pick<MachineConfig, 'accel' | 'qemuArgs'>,
  facts: Facts,
): { accelerator: GuestPlan['accelerator']; diagnostics: Diagnostic[] } {
  const fact = (name: 'kvm' | 'tcg') => facts.accelerators.find((a) => a.name === name)
  if (wanted !== 'auto') {
    const asked = fact(wanted)
    const refused =
      asked && !asked.works
        ? [problems.ACCELERATOR_NOT_WORKING.at('accel', `${wanted} does not work here: ${asked.reason}`)]
        : []
    return { accelerator: { name: wanted, because: 'asked for' }, diagnostics: refused }
  }
  const kvm = fact('kvm')
  const onlyTcg = needsTcg(qemuArgs)
  if (kvm?.works && onlyTcg === undefined)
    return { accelerator: { name: 'kvm', because: kvm.reason }, diagnostics: [] }
  const tcg = fact('tcg')
  const because =
    onlyTcg !== undefined
      ? `-${onlyTcg} works with TCG only`
      : kvm
        ? `KVM does not work here: ${kvm.reason}`
        : 'KVM was not tried'
  const missing =
    tcg && !tcg.works
      ? [problems.ACCELERATOR_MISSING.at('accel', `neither works: ${because}; TCG: ${tcg.reason}`)]
      : []
  return { accelerator: { name: 'tcg', because }, diagnostics: missing }
}
