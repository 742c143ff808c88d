/** Turns what a person pastes into descriptions of machines: commands for QEMU, or a libvirt domain. Pure. */
import { BringupError, defineDiagnostics } from '../../diagnostics.ts'
import { machineFromQemu, type Remark } from '../../machine/from-qemu/from-qemu.ts'
import type { MachineInput } from '../../machine/machine-schema.ts'
import { readLibvirt } from './libvirt/libvirt.ts'
import { type QemuCommand, qemuCommandsIn, qemuIn } from './qemu-words.ts'
import { shellCommands } from './shell-words.ts'
import type { ConfigSketch } from './tree.ts'

export const problems = defineDiagnostics({
  IMPORT_NOT_TEXT: {
    title: 'What is to be imported is no text, or too much of it.',
    why: 'a command line or a libvirt domain is text of at most 1 MiB, without control characters',
    remedy: 'name the script, makefile or XML file that has the command',
  },
  IMPORT_NO_COMMAND: {
    title: 'What is to be imported has no command for QEMU.',
    why: 'a command begins with qemu-system-x86_64, qemu-system-i386, kvm or a variable such as $(QEMU)',
    remedy: "paste the whole command: bringup import 'qemu-system-x86_64 -cdrom os.iso -m 512'",
  },
  IMPORT_ARCHITECTURE: {
    title: 'The command is for another architecture.',
    why: 'bringup has machines of x86-64 only, which run i386 code as well',
    remedy: 'import a command of qemu-system-x86_64 or qemu-system-i386',
  },
  IMPORT_NOT_LIBVIRT: {
    title: 'The XML is no domain of libvirt.',
    why: 'it has to be well-formed, to have the root element <domain>, and no document type',
    remedy: 'use the output of `virsh dumpxml NAME`',
  },
})

/** A machine that was read, and what the description does not carry of it. */
export interface ImportedMachine {
  readonly name: string
  readonly machine: MachineInput
  readonly remarks: readonly Remark[]
}

export interface Imported {
  readonly from: 'qemu' | 'libvirt'
  readonly machines: readonly ImportedMachine[]
}

/** Largest text that is read. */
export const MOST_BYTES = 1024 * 1024
/** A script with more commands than this is no script of one project. */
const MOST_MACHINES = 20

/**
 * @param known Values of variables of the text, such as `{ IMG: 'disk.img' }`
 * @throws BringupError IMPORT_NOT_TEXT, IMPORT_NO_COMMAND, IMPORT_ARCHITECTURE, IMPORT_NOT_LIBVIRT
 */
export function importText(text: string, known: Readonly<Record<string, string>> = {}): Imported {
  // biome-ignore lint/suspicious/noControlCharactersInRegex: control characters are what is looked for
  if (text.length > MOST_BYTES || /[\x00-\x08\x0e-\x1a\x1c-\x1f\ufffd]/.test(text))
    throw new BringupError([
      problems.IMPORT_NOT_TEXT.at(
        '',
        text.length > MOST_BYTES ? 'the text has more than 1 MiB' : 'the input is binary',
      ),
    ])
  if (/^\s*</.test(text)) return importXml(text)
  const commands = qemuCommandsIn(text, known)
  if (commands.length > 0) return fromCommands(commands)
  // Options alone, as they stand in a variable of a makefile.
  const [first] = shellCommands(text, known)
  if (first?.words[0]?.startsWith('-') === true)
    return fromCommands([{ program: 'qemu-system-x86_64', target: 'x86_64', words: first.words }])
  throw new BringupError([
    problems.IMPORT_NO_COMMAND.at(
      '',
      text.trim() === '' ? 'the text is empty' : `no command for QEMU in "${excerpt(text)}"`,
    ),
  ])
}

/**
 * Words that a shell has split already.
 *
 * @throws BringupError IMPORT_NO_COMMAND, IMPORT_ARCHITECTURE
 */
export function importWords(words: readonly string[]): Imported {
  const command = words[0]?.startsWith('-')
    ? { program: 'qemu-system-x86_64', target: 'x86_64', words }
    : qemuIn({ words })
  if (command) return fromCommands([command])
  throw new BringupError([
    problems.IMPORT_NO_COMMAND.at('--', `no program of QEMU in "${excerpt(words.join(' '))}"`),
  ])
}

const excerpt = (text: string) => text.trim().split('\n', 1)[0]?.slice(0, 60) ?? ''

function importXml(xml: string): Imported {
  const domain = readLibvirt(xml)
  if (!domain) throw new BringupError([problems.IMPORT_NOT_LIBVIRT.at('', `no domain in "${excerpt(xml)}"`)])
  const { target, words, remarks, name = 'default' } = domain
  const { machines } = fromCommands([{ program: `<domain> ${name}`, target, words }])
  return {
    from: 'libvirt',
    machines: machines.map((machine) => ({ ...machine, remarks: [...remarks, ...machine.remarks] })),
  }
}

function fromCommands(commands: readonly QemuCommand[]): Imported {
  const known = commands.filter(({ target }) => target === 'x86_64' || target === 'i386')
  if (known.length === 0)
    throw new BringupError(
      commands.slice(0, 1).map(({ program }) => problems.IMPORT_ARCHITECTURE.at('', program)),
    )
  const names = new Set<string>()
  const machines = known.slice(0, MOST_MACHINES).map((command) => {
    const { name, machine, remarks } = machineFromQemu(command.words, { is32Bit: command.target === 'i386' })
    return { name: freeName(names, name), machine, remarks: [...unknownVariables(command), ...remarks] }
  })
  return { from: 'qemu', machines }
}

function freeName(taken: Set<string>, wanted = 'default'): string {
  const plain = /^[\w.-]{1,60}$/.test(wanted) ? wanted : 'default'
  let name = plain
  for (let n = 2; taken.has(name); n++) name = `${plain}${n}`
  taken.add(name)
  return name
}

function unknownVariables({ words }: QemuCommand): readonly Remark[] {
  const found = words.flatMap((word) =>
    [...word.matchAll(/\$[({]?([A-Za-z_]\w*)/g)].map(([, name = '']) => name),
  )
  return [...new Set(found)].map((name) => ({
    words: `$${name}`,
    because: `the value of this variable is unknown: say it with \`--set ${name}=VALUE\`, or correct the description`,
    state: 'guess',
  }))
}

const STATES = {
  passed: 'Passed to QEMU unchanged',
  lost: 'Not in the description',
  guess: 'To decide',
} as const

/** The config that describes them. */
export function importedSketch({ from, machines }: Imported): ConfigSketch {
  const of = (state: keyof typeof STATES) =>
    machines.flatMap(({ remarks }) =>
      remarks.filter((r) => r.state === state).map((r) => `${oneLine(r.words)}: ${r.because}`),
    )
  return {
    what: from === 'qemu' ? 'Machine of a QEMU command' : 'Machine of a libvirt domain',
    because: '',
    by: 'bringup import',
    entries: [
      {
        key: 'profile',
        value: 'bare',
        comment: ['A guest of your own: see `bringup run --until` and `kernel.test` for what a pass is.'],
      },
      { key: 'machines', value: Object.fromEntries(machines.map(({ name, machine }) => [name, machine])) },
    ],
    remarks: of('guess'),
    notes: (['passed', 'lost'] as const).flatMap((state) =>
      of(state).map((line) => `${STATES[state]}: ${line}`),
    ),
  }
}

/** A comment ends with its line. */
const oneLine = (text: string) => text.replaceAll(/\s+/g, ' ').slice(0, 200)
