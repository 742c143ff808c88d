/**
 * What GRUB reads: settings for grub-mkconfig, and its menu. Pure.
 * Sources: GRUB manual, "Shell-like scripting" and "Simple configuration handling"; `/etc/grub.d/10_linux`.
 */
import { splitCommandLine } from '../kernel-arguments.ts'

/** A word for GRUB’s own script language, where `$`, quotes, `;` and the like mean something and `!` does not. */
export function grubWord(word: string): string {
  return word.replace(/[\\$"'`;&|<>(){}\s]/g, (c) => `\\${c}`)
}

/** What grub-mkconfig puts into the menu as it is, as one word of the shell that reads the settings. */
function shellWord(text: string): string {
  return `'${text.replaceAll("'", "'\\''")}'`
}

/**
 * A line of settings that adds words to all entries but the recovery ones. The shell expands the variable, not the
 * words: `!` and `$` reach the kernel as they are.
 */
export function grubSetting(words: readonly string[]): string {
  const added = shellWord(words.map((word) => ` ${grubWord(word)}`).join(''))
  return `GRUB_CMDLINE_LINUX_DEFAULT="$GRUB_CMDLINE_LINUX_DEFAULT"${added}\n`
}

export interface MenuEntry {
  readonly title: string
  /** From `menuentry` to its closing brace. */
  readonly text: string
}

/** The first entry of a menu, which is started by default. */
export function firstEntry(menu: string): MenuEntry | undefined {
  const lines = menu.split('\n')
  const begin = lines.findIndex((line) => /^menuentry\s/.test(line))
  const length = begin === -1 ? -1 : lines.slice(begin).findIndex((line) => /^\}\s*$/.test(line))
  const title = /^menuentry\s+(?:'([^']*)'|"([^"]*)")/.exec(lines[begin] ?? '')
  if (length === -1 || !title) return undefined
  return { title: title[1] ?? title[2] ?? '', text: lines.slice(begin, begin + length + 1).join('\n') }
}

/** An entry under another title; its id goes, since two of one id are one. */
export function renamedEntry({ text }: MenuEntry, title: string): string {
  const head = `menuentry ${shellWord(title)} --class os {`
  return [head, ...text.split('\n').slice(1)].join('\n')
}

/** Kernels that a menu offers, each once. */
export function kernelsIn(menu: string): readonly string[] {
  return [...new Set([...menu.matchAll(/^\s*linux(?:16|efi)?\s+(\S+)/gm)].map((m) => m[1] ?? ''))].sort()
}

/** Whether the entry that starts by itself passes all these words to its kernel. */
export function passesWords(menu: string, words: readonly string[]): boolean {
  const line = /^\s*linux(?:16|efi)?\s+(\S.*)$/m.exec(firstEntry(menu)?.text ?? '')?.[1] ?? ''
  const passed = splitCommandLine(line).map((word) => word.replace(/\\(.)/g, '$1'))
  return words.every((word) => passed.includes(word))
}
