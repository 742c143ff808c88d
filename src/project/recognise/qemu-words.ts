/** Finds commands that start QEMU, whatever stands in front of them. Pure. */
import { type ShellCommand, shellCommands } from './shell-words.ts'

export interface QemuCommand {
  /** As it is called: `qemu-system-i386`. */
  readonly program: string
  /** What the program is an emulator of: `x86_64`, `i386`, `aarch64`. */
  readonly target: string
  /** Arguments. */
  readonly words: readonly string[]
}

const PROGRAM = /^qemu-system-([\w-]+?)(?:\.exe)?$/
/** Packages of distributions that have several programs. */
const PACKAGE = /^(x86|arm|misc|mips|ppc|sparc|common|data|gui|native|modules-\w+|xen)$/
const KVM = /^(kvm|qemu-kvm)$/
/** Before 0.15 (2011), the emulator of i386 was called so. */
const OLD = 'qemu'
/** `$(QEMU)`, `${QEMU:-…}` and the like, where the variable is unknown. */
const VARIABLE = /^\$[({]?QEMU\w*[^)}]*[)}]?$/i

/** The program that a word names; undefined for another one. */
export function qemuNamed(word: string): Pick<QemuCommand, 'program' | 'target'> | undefined {
  // What a shell finds out: `$(shell if which qemu …)`.
  if (/^(\$\(|`)[\s\S]*\bqemu\b/i.test(word) && !VARIABLE.test(word))
    return { program: 'qemu', target: /qemu-system-(i386|x86_64)/.exec(word)?.[1] ?? 'x86_64' }
  const program = word.replace(/^.*\//, '')
  const target = PROGRAM.exec(program)?.[1]
  if (target !== undefined) return PACKAGE.test(target) ? undefined : { program, target }
  return KVM.test(program) || VARIABLE.test(word) ? { program: word, target: 'x86_64' } : undefined
}

/** `sudo`, `exec`, `env A=b`, `timeout 10`, `time`, and words such as them that run another command. */
const IN_FRONT =
  /^(sudo|doas|exec|env|time|nice|ionice|nohup|timeout|setsid|stdbuf|taskset|numactl|command|then|do|if|else|!|-?@?\+?)$/
const PLAIN_FRONT = 12

/** The QEMU command in the words of one command; `isOne` says that it is one, whatever its words. */
export function qemuIn({ words }: ShellCommand): QemuCommand | undefined {
  const first = words[0]?.replace(/^[@+-]+(?=\S)/, '') ?? ''
  const at = words.findIndex((word, i) => i < PLAIN_FRONT && qemuNamed(i === 0 ? first : word) !== undefined)
  if (at < 0) return oldQemuIn({ words: [first, ...words.slice(1)] })
  const isCalled = at === 0 || isFront([first, ...words.slice(1, at)])
  const named = qemuNamed(at === 0 ? first : (words[at] ?? ''))
  return isCalled && named ? { ...named, words: words.slice(at + 1) } : undefined
}

/** Words that run what is behind them, with their options and times; `apt install qemu-kvm` does not. */
function isFront(words: readonly string[]): boolean {
  return words.every(
    (word, i) =>
      IN_FRONT.test(word) ||
      /^(-|\d[\d.]*[smhd]?$|[A-Za-z_]\w*=|["'$])/.test(word) ||
      (i > 0 && /^-\w/.test(words[i - 1] ?? '')),
  )
}

/** `qemu -hda os.img`; `make qemu` and `qemu: os.img` do not start it. */
function oldQemuIn({ words }: ShellCommand): QemuCommand | undefined {
  const at = words.findIndex((word, i) => i < PLAIN_FRONT && word.replace(/^.*\//, '') === OLD)
  const isCalled = at === 0 || (at > 0 && isFront(words.slice(0, at)))
  return isCalled && /^-\w/.test(words[at + 1] ?? '')
    ? { program: OLD, target: 'i386', words: words.slice(at + 1) }
    : undefined
}

/** All QEMU commands of a text that a shell, make or a person would run. */
export function qemuCommandsIn(
  text: string,
  known: Readonly<Record<string, string>> = {},
  given?: readonly string[],
): readonly QemuCommand[] {
  return shellCommands(text, known, given).flatMap((command) => qemuIn(command) ?? [])
}
