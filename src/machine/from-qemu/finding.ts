/** What a reader makes of options of QEMU: a part of a description, and the options that it stands for. */
import type { QemuOption } from '../qemu-args.ts'

/** An option, or a part of one, that the description does not carry, and why. */
export interface Remark {
  /** As in the command: `-device foo,addr=3`. */
  readonly words: string
  readonly because: string
  /**
   * `passed`: QEMU gets it unchanged, by `qemuArgs`. `needless`: bringup does it another way, or it does not change the
   * guest. `lost`: a description cannot express it. `guess`: a value that the command leaves open.
   */
  readonly state: 'passed' | 'needless' | 'lost' | 'guess'
}

/** Plain keys of a description; checked against the schema when all is read. */
export type Keys = Readonly<Record<string, unknown>>

export interface Finding {
  readonly uses: readonly QemuOption[]
  /** Keys of the machine. */
  readonly machine?: Keys
  /** An entry of `devices`. */
  readonly device?: Keys
  /** Place of the device among the options. Default: that of the first one used. */
  readonly at?: number
  readonly remarks?: readonly Remark[]
}

/** The options that no reader has used yet, and facts of the whole command. */
export interface Command {
  readonly options: readonly QemuOption[]
  /** All options of `-machine`, used or not. */
  readonly machine: readonly QemuOption[]
  /** QEMU adds no devices by itself: `-nodefaults`. */
  readonly isBare: boolean
  /** `qemu-system-i386` has another CPU by default. */
  readonly is32Bit: boolean
}

export type Reader = (command: Command) => readonly Finding[]

/** Options of one name. */
export const named = ({ options }: Command, ...names: readonly string[]): readonly QemuOption[] =>
  options.filter((o) => names.includes(o.name))

/** The option that defines an id. */
export const byId = (
  { options }: Command,
  names: readonly string[],
  id: string | undefined,
): QemuOption | undefined =>
  id === undefined
    ? undefined
    : options.find((o) => names.includes(o.name) && (o.keys.get('id') ?? o.keys.get('node-name')) === id)

export const textOf = ({ name, value }: QemuOption): string =>
  value === undefined ? `-${name}` : `-${name} ${value}`

export const needless = (option: QemuOption, because: string): Remark => ({
  words: textOf(option),
  because,
  state: 'needless',
})

export const lost = (words: string, because: string): Remark => ({ words, because, state: 'lost' })

/** Reads nothing into the description. */
export const skipped = (option: QemuOption, because: string): Finding => ({
  uses: [option],
  remarks: [needless(option, because)],
})
